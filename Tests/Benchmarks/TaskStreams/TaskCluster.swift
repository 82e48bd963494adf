public import Foundation
internal import MesetaSDK
public import TestSupport

/// A cluster of one agent, and a scheduler that runs streams of tasks on it.
public final class TaskCluster: Sendable {
    /// The processes.
    public let live: UpCluster
    /// The scheduler.
    public let stream: TaskStream
    private let driver: SchedulerDriver

    /// Starts it.
    ///
    /// - Parameters:
    ///   - isolation: As `meseta-agent --isolation` takes it.
    ///   - width: Tasks at once, at most.
    ///   - part: Tasks on one offer, at most; nil: what fits.
    ///   - work: What each task is.
    ///   - programs: Where the daemons are.
    public init(
        isolation: String, width: Int, part: Int? = nil, work: TaskWork = .program("/bin/true"), programs: URL
    ) async throws {
        let resources: Resources = "cpus:1;mem:32"
        self.live = try UpCluster(
            named: "tasks", programs: programs, environment: ["MESETA_ISOLATION": isolation]
        ) { _ in
            [
                "--agents", "1", "--resources", "cpus:\(width);mem:\(width * 32)", "--restart-delay", "never",
                "--log-level", "notice",
            ]
        }
        self.stream = TaskStream(work, resources: resources, width: width, part: part)
        var options = SchedulerDriver.Options()
        if case .nothing(isInline: true) = work { options.runsCallbacksInline = true }
        self.driver = SchedulerDriver(
            framework: FrameworkInfo("task-stream"), master: self.live.master, options: options, scheduler: self.stream)
        let driver = self.driver
        Task { try await driver.run() }
    }

    /// Runs so many tasks, all of which must finish.
    public func run(_ count: Int) async throws -> TaskStream.Outcome {
        let outcome = await self.stream.run(count, with: self.driver)
        guard outcome.failures.isEmpty else {
            throw TestFailure("\(outcome.failures.count) tasks did not finish: \(outcome.failures[0])")
        }
        return outcome
    }

    /// The one agent.
    public var agent: Int32 { self.live.members(.agent).first?.process?.pid ?? 0 }

    /// Every process of it by what it is: the roles, the supervisor, and this one, which schedules.
    public var processes: [(name: String, pid: Int32)] {
        self.live.members.compactMap { member in member.process.map { (member.role, $0.pid) } }
            + ProcessAccount.supervisors(of: self.live.directory.path).map { ("supervisor", $0) }
            + ProcessAccount.processes(of: self.live.directory.path).filter { $0.command.contains(" executor ") }
            .map { ("executor", $0.pid) } + [("scheduler", getpid())]
    }

    /// The same, to be watched.
    public var watched: [RoleWatch.Part] { self.live.watched(self.processes) }

    /// Ends it.
    public func stop() {
        self.driver.stop()
        self.live.stop()
    }
}
