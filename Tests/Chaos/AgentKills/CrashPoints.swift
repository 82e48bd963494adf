import ArgumentParser
import Foundation
import MesetaSDK
import TestSupport

/// Ends the agent after each single operation on files in the life of a task.
struct CrashPoints: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-points", abstract: "End an agent after every single file operation of a task's life.",
        discussion: """
            One task after the other is run from its launch to the acknowledgement of its end. In the life of the first the agent ends after
            its first operation that changes a file, in that of the second after its second, and so on until a life is over before its
            turn comes. Then the same with the last write torn in half. After each the agent starts again, and everything must come
            to its end as if nothing had been; at last the judge looks, as after random kills. The same is done to the start of an
            agent, with a log to compact.
            """)

    @OptionGroup var options: TrialOptions
    @Option(help: "Only each so-many-th operation; the first is chosen by it, too.") var step = 1
    @Option(parsing: .upToNextOption, help: "What tasks: command, killed, executor.")
    var kinds: [MarkedTasks.Kind] = MarkedTasks.Kind.allCases
    @Flag(help: "Leave the torn writes out.") var noTorn = false

    func run() async throws {
        UpCluster.endAllOnSignals()
        let trial = try Trial(self.options, resources: "cpus:4;mem:1024")
        defer { trial.stop() }
        let library = self.options.directory.appendingPathComponent("libCrashPoint.so")
        let point = try CrashPoint(below: trial.agent.cluster.directory, library: library)
        trial.agent.environment.withLock { $0.merge(point.environment) { $1 } }
        try trial.agent.start()
        var problems = 0, points: [String: Int] = [:]
        for isTorn in self.noTorn ? [false] : [false, true] {
            for kind in self.kinds {
                let before = ContinuousClock.now
                let count = try await self.lives(of: kind, isTorn, trial, point)
                print(
                    "\(kind.rawValue)\(isTorn ? ", torn" : ""): \(count) crash points, "
                        + String(format: "%.1f s", (ContinuousClock.now - before) / .seconds(1)))
                points[kind.rawValue, default: 0] += count
                if count < 5 / self.step { problems += 1 }
            }
            let count = try await self.starts(isTorn, trial, point)
            print("start of the agent\(isTorn ? ", torn" : ""): \(count) crash points")
            points["start", default: 0] += count
        }
        if problems > 0 { print("BREACH: a life had too few operations to be one") }
        if try !trial.judge(["crash_points": points, "step": self.step]) || problems > 0 { throw ExitCode(1) }
    }

    /// Returns how many times the agent was ended.
    private func lives(
        of kind: MarkedTasks.Kind, _ isTorn: Bool, _ trial: Trial, _ point: CrashPoint
    ) async throws -> Int {
        // An executor is there already: what is looked at is the task. Of the first one, all is.
        var count = 0
        for operation in stride(from: self.step, through: 10_000, by: self.step) {
            point.arm(after: operation, tearing: isTorn)
            let keeper = self.keepAlive(trial)
            let status = try await self.run(kind, trial)
            keeper.cancel()
            try await keeper.value
            if point.disarm() { return count }
            count += 1
            if status.state == .failed { print("operation \(operation) of \(kind.rawValue): \(status.message ?? "")") }
        }
        return count
    }

    /// One task, with a bound on its time.
    private func run(_ kind: MarkedTasks.Kind, _ trial: Trial) async throws -> TaskStatus {
        try await withThrowingTaskGroup(of: TaskStatus.self) { group in
            group.addTask { await trial.tasks.run(kind, for: 20, with: trial.driver) }
            group.addTask {
                try await Task.sleep(for: .seconds(90))
                throw Failure("\(await trial.tasks.open) came to no end in 90 s: see \(trial.agent.log)")
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    /// Starts the agent again whenever it is gone.
    private func keepAlive(_ trial: Trial) -> Task<Void, any Error> {
        Task {
            while !Task.isCancelled {
                if !trial.agent.isRunning { try trial.agent.start() }
                try? await Task.sleep(for: .milliseconds(5))
            }
            // What it still does after the task, its acknowledgement for one, may have been its end.
            try? await Task.detached { try await Task.sleep(for: .milliseconds(30)) }.value
            if !trial.agent.isRunning { try trial.agent.start() }
        }
    }

    /// Waits until the agent is gone, or has begun and made no operation for half a second.
    private func waitUntilQuiet(_ trial: Trial, _ point: CrashPoint) async throws {
        let before = point.operations
        var seen = before, since = ContinuousClock.now
        while trial.agent.isRunning {
            try await Task.sleep(for: .milliseconds(5))
            let now = ContinuousClock.now, operations = point.operations
            if operations > seen { (seen, since) = (operations, now) }
            if seen > before, now - since > .milliseconds(500) { return }
            if now - since > .seconds(20) { throw Failure("the agent does not begin: see \(trial.agent.log)") }
        }
    }

    /// Ends the agent after each operation of its own start.
    private func starts(_ isTorn: Bool, _ trial: Trial, _ point: CrashPoint) async throws -> Int {
        var count = 0
        for operation in stride(from: self.step, through: 10_000, by: self.step) {
            trial.agent.kill9()
            point.arm(after: operation, tearing: isTorn)
            try trial.agent.start()
            try await self.waitUntilQuiet(trial, point)
            if point.disarm() { break }
            count += 1
            try trial.agent.start()
            if operation % 8 == 0 { _ = try await self.run(.command, trial) }
        }
        if !trial.agent.isRunning { try trial.agent.start() }
        _ = try await self.run(.command, trial)
        return count
    }
}

extension MarkedTasks.Kind: ExpressibleByArgument {}
