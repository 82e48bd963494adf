import Isolation
import Logging
import Model
import NIOPosix
import Runtime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps sandboxes from filling the machine: bounds the outputs of what runs, and removes what is over.
///
/// Each of the two has a thread of its own, so neither waits for the other, nor a launch for them.
struct SandboxKeeper: Sendable {
    private let host: AgentHost
    private let directory: String
    private let bound: OutputBound?
    private let retention: SandboxRetention

    /// Between two looks at the outputs, while none grows fast.
    private static let pauseMax: Duration = .seconds(1)
    /// While one does.
    private static let pauseMin: Duration = .milliseconds(50)

    init(host: AgentHost, directory: String, options: AgentOptions) {
        self.host = host
        self.directory = directory
        self.bound = options.logLimit.bytes > 0 ? OutputBound(limit: options.logLimit.bytes) : nil
        self.retention = options.retention
    }

    /// Works for as long as the process lives; to be called when it is known what runs.
    func begin(_ services: DaemonServices) {
        let tasks = [Task { await self.boundOutputs() }, Task { await self.collect() }]
        services.onStop { for task in tasks { task.cancel() } }
    }

    private static func thread() -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }

    // MARK: - Outputs

    private func boundOutputs() async {
        guard let bound else { return }
        let thread = Self.thread()
        var pause = Self.pauseMax, before: Set<[String]> = []
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard let listed = try? await self.host.liveSandboxes() else { continue }
            let live = Set(listed)
            // What has ended since the last look may have written until then.
            let paths = live.union(before).map { "\(self.directory)/\($0.joined(separator: "/"))" }
            before = live
            guard !paths.isEmpty else {
                pause = Self.pauseMax
                continue
            }
            let outcomes = try? await thread.runIfActive { paths.map { ($0, bound.hold($0)) }.filter { !$0.1.isEmpty } }
            for (path, outcomes) in outcomes ?? [] { for outcome in outcomes { self.tell(outcome, path) } }
            pause = outcomes?.isEmpty == false ? Self.pauseMin : min(pause * 2, Self.pauseMax)
        }
        try? await thread.shutdownGracefully()
    }

    private func tell(_ outcome: OutputBound.Outcome, _ path: String) {
        let logger = self.host.logger
        switch outcome {
        case .cut(_, let bytes): self.host.metrics.outputBytesCut.add(Int(bytes))
        case .emptied(let file, let bytes):
            self.host.metrics.outputBytesCut.add(Int(bytes))
            logger.warning(
                "An output was too long and is lost: the file system cannot cut off its head alone",
                metadata: [LogKey.path: "\(path)/\(file)"])
        case .failed(let file, let reason):
            logger.debug(
                "An output cannot be kept within its bound",
                metadata: [LogKey.path: "\(path)/\(file)", LogKey.error: "\(reason)"])
        }
    }

    // MARK: - Collection

    private func collect() async {
        let collector = SandboxCollector(directory: self.directory, retention: self.retention) { [host] in
            host.live(of: $0)
        }
        let thread = Self.thread()
        var complained: Set<String> = [], isBehind = false
        while !Task.isCancelled {
            try? await Task.sleep(for: isBehind ? .seconds(1) : self.retention.interval)
            if Task.isCancelled { break }
            guard let sweep = try? await thread.runIfActive({ collector.sweep(now: Int64(time(nil))) }) else { break }
            self.count(sweep)
            isBehind = sweep.isBehind
            let failed = Set(sweep.failures.map(\.path))
            for failure in sweep.failures where !complained.contains(failure.path) {
                self.host.logger.warning(
                    "A sandbox cannot be removed as a whole",
                    metadata: [
                        LogKey.path: "\(failure.path)", LogKey.reason: "\(failure.problems.joined(separator: "; "))",
                    ])
            }
            complained = failed
        }
        try? await thread.shutdownGracefully()
    }

    private func count(_ sweep: SandboxSweep) {
        let metrics = self.host.metrics
        metrics.sandboxesKept.set(sweep.kept)
        metrics.sandboxesFailed.set(sweep.failures.count)
        metrics.sandboxesRemoved.add(sweep.removed)
        metrics.sandboxBytesFreed.add(Int(sweep.freedBytes))
        guard sweep.removed > 0 else { return }
        self.host.logger.info(
            "Sandboxes removed",
            metadata: [LogKey.count: "\(sweep.removed)", "bytes": "\(sweep.freedBytes)", "kept": "\(sweep.kept)"])
    }
}
