import Foundation
import MesetaSDK
import TestSupport

/// A cluster of one agent, and a scheduler that runs streams of tasks on it.
final class TaskCluster: Sendable {
    let live: UpCluster
    let stream: TaskStream
    private let driver: SchedulerDriver

    /// - Parameters:
    ///   - isolation: As `meseta-agent --isolation` takes it.
    ///   - width: Tasks at once, at most.
    init(isolation: String, width: Int, task: [String] = ["/bin/true"], programs: URL) async throws {
        let resources: Resources = "cpus:1;mem:32"
        self.live = try UpCluster(
            named: "command-tasks", programs: programs, environment: ["MESETA_ISOLATION": isolation]
        ) { _ in
            [
                "--agents", "1", "--resources", "cpus:\(width);mem:\(width * 32)", "--restart-delay", "never",
                "--log-level", "notice",
            ]
        }
        self.stream = TaskStream(
            program: task[0], arguments: Array(task.dropFirst()), resources: resources, width: width)
        self.driver = SchedulerDriver(
            framework: FrameworkInfo("command-tasks"), master: self.live.master, scheduler: self.stream)
        let driver = self.driver
        Task { try await driver.run() }
    }

    func run(_ count: Int) async throws -> TaskStream.Outcome {
        let outcome = await self.stream.run(count, with: self.driver)
        guard outcome.failures.isEmpty else {
            throw TestFailure("\(outcome.failures.count) tasks did not finish: \(outcome.failures[0])")
        }
        return outcome
    }

    /// The one agent.
    var agent: Int32 { self.live.members(.agent).first?.process?.pid ?? 0 }

    /// Every process of it by what it is: the roles, the supervisor, and this one, which schedules.
    var processes: [(name: String, pid: Int32)] {
        self.live.members.compactMap { member in member.process.map { (member.role, $0.pid) } }
            + ProcessAccount.supervisors(of: self.live.directory.path).map { ("supervisor", $0) }
            + [("scheduler", getpid())]
    }

    func stop() {
        self.driver.stop()
        self.live.stop()
    }
}
