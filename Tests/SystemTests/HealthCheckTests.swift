import Foundation
import MesetaSDK
import TestSupport
import Testing

/// Launches tasks, once each, and keeps all that it hears of them.
private actor Watcher: Scheduler {
    private var waiting: [(id: TaskID, shell: String, check: HealthCheck)]
    private(set) var statuses: [TaskID: [TaskStatus]] = [:]

    init(_ tasks: [(id: TaskID, shell: String, check: HealthCheck)]) { self.waiting = tasks }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            let resources: Resources = "cpus:0.1;mem:64"
            var (free, tasks) = (offer.resources, [TaskInfo]())
            while let next = self.waiting.first, free.contains(resources) {
                self.waiting.removeFirst()
                free -= resources
                var task = TaskInfo(next.id, on: offer, resources: resources).command(next.shell)
                task.healthCheck = next.check
                tasks.append(task)
            }
            driver.launchTasks(tasks, on: [offer])
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        self.statuses[status.taskID, default: []].append(status)
    }
}

@Suite("Health checks on a cluster of real processes", .serialized)
struct HealthCheckTests {
    /// Looks often, and minds no failure before the first success.
    private static func check(_ probe: Probe) -> HealthCheck {
        var check = HealthCheck(probe)
        check.times.delay = .zero
        check.times.interval = .milliseconds(300)
        check.consecutiveFailures = 2
        check.gracePeriod = .seconds(60)
        return check
    }

    /// Waits until a task says so of itself.
    private func wait(
        _ watcher: Watcher, _ id: TaskID, _ what: String, _ condition: ([TaskStatus]) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let statuses = await watcher.statuses[id] ?? []
            if condition(statuses) { return }
            let heard = statuses.map { "\($0.state.name) \($0.healthy.map { "\($0)" } ?? "-") \($0.message ?? "")" }
            try #require(ContinuousClock.now < deadline, "\(id) is not \(what): \(heard)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("A task that was well and fails its check is killed: by command, by HTTP and by TCP")
    func kinds() async throws {
        let cluster = try LiveCluster(["--agents", "1", "--resources", "cpus:1;mem:512"])
        defer { cluster.stop() }
        let ports = try FreePorts.take(2)
        let end = cluster.directory.appendingPathComponent("end").path
        // Each is well until that file is there.
        let server = "touch ok; python3 -m http.server --bind 127.0.0.1"
        let until = "while ! test -e \(end); do sleep 0.1; done"
        let watcher = Watcher([
            (
                "command", "touch ok; \(until); rm ok; exec sleep 1000",
                Self.check(.command(CommandInfo(shell: "test -e ok")))
            ),
            (
                "http", "\(server) \(ports[0]) & \(until); rm ok; wait",
                Self.check(.http(.init(port: UInt32(ports[0]), path: "/ok")))
            ),
            (
                "tcp", "\(server) \(ports[1]) & \(until); kill $!; exec sleep 1000",
                Self.check(.tcp(port: UInt32(ports[1])))
            ),
        ])
        let driver = SchedulerDriver(
            framework: FrameworkInfo("health"), master: cluster.master, scheduler: watcher)
        let run = Task { try await driver.run() }
        let ids: [TaskID] = ["command", "http", "tcp"]
        for id in ids {
            try await self.wait(watcher, id, "well") { statuses in
                statuses.contains {
                    $0.state == .running && $0.healthy == true && $0.reason == .taskHealthCheckStatusUpdated
                }
            }
        }
        _ = FileManager.default.createFile(atPath: end, contents: nil)
        for id in ids {
            try await self.wait(watcher, id, "ended") { $0.last?.state.isTerminal == true }
            let statuses = await watcher.statuses[id] ?? []
            #expect(statuses.last?.state == .killed && statuses.last?.healthy == false, "\(id): \(statuses)")
            #expect(statuses.last?.message?.isEmpty == false, "\(id)")
            // The first failure is told before the second kills.
            let told = statuses.dropLast().last
            #expect(told?.state == .running && told?.healthy == false, "\(id): \(statuses)")
        }
        driver.stop()
        try await run.value
    }
}
