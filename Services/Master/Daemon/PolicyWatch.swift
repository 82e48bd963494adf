import Foundation
import Logging
import Model
import NIOCore
import PolicyFile
import Runtime

/// The policy file: read at the start and whenever it changes, and written when an operator applies another policy.
///
/// Looked at once a second. A file that cannot be read, or says something wrong, leaves the policy as it is; the log says
/// what is wrong, line by line. Confined to the event loop.
final class PolicyWatch: @unchecked Sendable {  // All state is confined to the event loop.
    private let path: String
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var last: Data?
    private var isReadable = true
    private var repeated: RepeatedTask?

    /// A file that says a policy: at the start, and each time it changes.
    var onChange: (ClusterPolicy, Bytes) -> Void = { _, _ in }

    init(path: String, eventLoop: any EventLoop, logger: Logger) {
        self.path = path
        self.eventLoop = eventLoop
        self.logger = logger
    }

    func start() {
        self.look()
        self.repeated = self.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            self.look()
        }
    }

    func stop() { self.repeated?.cancel() }

    /// Keeps the source of a policy that was applied; the next start reads it.
    ///
    /// As a new file in place of the old one, so that a crash leaves one of both.
    func store(_ source: Bytes) {
        let data = Data(source)
        guard data != self.last else { return }
        do {
            try data.write(to: URL(fileURLWithPath: self.path), options: .atomic)
            self.last = data
        } catch {
            self.logger.error(
                "Policy in force but not kept: the file cannot be written",
                metadata: [LogKey.path: "\(self.path)", LogKey.error: "\(error.localizedDescription)"])
        }
    }

    /// The file's policy, before anything else is done with it.
    ///
    /// - Throws: What is wrong with it, a line for each problem.
    static func check(path: String) throws(Unusable) -> (ClusterPolicy, Bytes) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Unusable(description: "\(path) cannot be read: does it exist, may this process read it?")
        }
        return try Self.read(data, path)
    }

    /// Why a file is no policy.
    struct Unusable: Error, CustomStringConvertible { var description: String }

    private static func read(_ data: Data, _ path: String) throws(Unusable) -> (ClusterPolicy, Bytes) {
        switch PolicyFile.read(bytes: Bytes(data)) {
        case .success(let policy): return (policy, Bytes(data))
        case .failure(let problems):
            throw Unusable(description: problems.list.map { "\(path):\($0)" }.joined(separator: "\n"))
        }
    }

    private func look() {
        guard let data = FileManager.default.contents(atPath: self.path) else {
            if self.isReadable {
                self.logger.error(
                    "Policy file cannot be read: the policy stays", metadata: [LogKey.path: "\(self.path)"])
            }
            self.isReadable = false
            return
        }
        self.isReadable = true
        guard data != self.last else { return }
        self.last = data
        do throws(Unusable) {
            let (policy, source) = try Self.read(data, self.path)
            self.onChange(policy, source)
        } catch {
            for problem in error.description.split(separator: "\n") {
                self.logger.error("Policy file refused: the policy stays", metadata: [LogKey.reason: "\(problem)"])
            }
        }
    }
}
