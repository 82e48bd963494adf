import Foundation
import Synchronization
import TestSupport

/// An `emulator` and what it says.
final class EmulatorProcess: Sendable {
    /// A line of it, of either kind.
    struct Line: Decodable, Sendable {
        var event: String
        var agents: Int
        // When all are registered with a leader.
        var epoch: String?
        var first: Double?
        var last: Double?
        // Figures.
        var running: Int?
        var memoryPerAgentBytes: Int?
        var cores: Double?
    }

    private let process = Process()
    private let lines = Mutex<[Line]>([])

    init(_ program: URL, _ arguments: [String]) throws {
        let pipe = Pipe()
        let rest = Mutex(Data())
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = pipe
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { return handle.readabilityHandler = nil }
            rest.withLock { rest in
                rest += data
                while let end = rest.firstIndex(of: 10) {
                    let line = try? JSONDecoder().decode(Line.self, from: rest[rest.startIndex..<end])
                    if let line { self?.lines.withLock { $0.append(line) } }
                    rest = Data(rest[(end + 1)...])
                }
            }
        }
        try self.process.run()
    }

    /// The moments between which all agents were registered with one leader, all after that one.
    func registered(after moment: Double) -> (first: Double, last: Double)? {
        self.lines.withLock { lines in
            lines.first { $0.event == "registered" && $0.first ?? 0 > moment }.flatMap { line in
                if let first = line.first, let last = line.last { (first, last) } else { nil }
            }
        }
    }

    /// The latest figures.
    var figures: Line? { self.lines.withLock { $0.last { $0.event == "figures" } } }

    var isRunning: Bool { self.process.isRunning }

    func stop() {
        guard self.process.isRunning else { return }
        self.process.terminate()
        self.process.waitUntilExit()
    }
}
