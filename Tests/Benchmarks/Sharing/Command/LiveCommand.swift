import ArgumentParser
import EmulatedCluster
import Foundation
import MesetaSDK
import PaperWorkloads
import SharingExperiments
import TestSupport

/// `sharing live`: one seed on real processes, beside its simulation.
struct LiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Run one seed on real services with emulated agents, and simulate it too.",
        discussion: """
            The frameworks are schedulers of the SDK, the services are processes, and emulated agents hold the tasks, which wait. All times \
            are shortened. The shared cluster comes first, then four clusters of a quarter of the machines, at once. The same seed with \
            the same times is then simulated: what both give should agree.

            EXAMPLES
              sharing live --seed 1 --time-scale 0.05
            """)

    @Option(help: "The seed.") var seed: UInt64 = 1
    @Option(help: "What all times are multiplied by.") var timeScale = 0.05
    @Option(help: "The workloads, in the form of mix.json (default: the paper's).") var mix: String?
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, two lines of JSON: live, and simulated.") var json: String?
    @Option(help: "Draw figures 5 to 7 of the paper into this file, as SVG.") var plot: String?

    func run() async throws {
        UpCluster.endAllOnSignals()
        let mix = try WorkloadMix.read(self.mix).scaled(by: self.timeScale)
        let shared = try await self.cluster(mix, WorkloadMix.names, agents: mix.agents)
        let dedicated = try await withThrowingTaskGroup(of: FrameworkAccount.self) { group in
            for name in WorkloadMix.names {
                group.addTask { try await self.cluster(mix, [name], agents: mix.agents / 4)[0] }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let ordered = WorkloadMix.names.compactMap { name in dedicated.first { $0.name == name } }
        let live = SharingOutcome(seed: self.seed, mix: mix, shared: shared, dedicated: ordered)
        let simulated = try SharingOutcome.simulated(mix, seed: self.seed)
        let reports = [live, simulated].map { SharingReport(mix, [$0]) }
        for (name, report) in zip(["real processes", "simulated"], reports) { print("\(name): \(report.table)\n") }
        if let json { for report in reports { try JSONLines.append(report.rows[0], to: json) } }
        if let plot { try SharingPlots(live).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    /// Frameworks on a cluster of their own, until all their jobs are over.
    private func cluster(_ mix: WorkloadMix, _ names: [String], agents: Int) async throws -> [FrameworkAccount] {
        let programs = self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory
        let cluster = try EmulatedCluster(
            .init(agents: agents, resources: mix.agentResources.value.description), named: "sharing", programs: programs
        )
        defer { cluster.stop() }
        try await cluster.wait(seconds: 60, for: "\(agents) agents registered") { cluster.registered == agents }
        let frameworks = names.map { name in
            let framework = LiveFramework(mix.framework(name, seed: self.seed))
            let driver = SchedulerDriver(
                framework: FrameworkInfo(name), master: cluster.live.master, scheduler: framework)
            return (framework, driver)
        }
        let runs = frameworks.map { _, driver in Task { try await driver.run() } }
        defer { for (_, driver) in frameworks { driver.stop() } }
        try await cluster.wait(seconds: 30, for: "frameworks registered") {
            for (framework, _) in frameworks where await !framework.isRegistered { return false }
            return true
        }
        let start = ContinuousClock.now
        for (framework, driver) in frameworks { await framework.begin(at: start, driver) }
        try await cluster.wait(seconds: 20_000 * self.timeScale + 60, for: "all jobs of \(names) done") {
            for (framework, _) in frameworks {
                if let problem = await framework.account.problems.first { throw TestFailure(problem) }
                guard await framework.isDone else { return false }
            }
            return true
        }
        for (_, driver) in frameworks { driver.stop() }
        for run in runs { try await run.value }
        var accounts: [FrameworkAccount] = []
        for (framework, _) in frameworks { accounts.append(await framework.account) }
        return accounts
    }
}

/// A framework of the paper as a scheduler of the SDK.
private actor LiveFramework: Scheduler {
    private var framework: any PaperFramework
    private var start = ContinuousClock.now
    private(set) var isRegistered = false

    init(_ framework: any PaperFramework) { self.framework = framework }

    var isDone: Bool { self.framework.isDone }
    var account: FrameworkAccount { self.framework.account }
    private var now: Duration { ContinuousClock.now - self.start }

    /// The experiment begins.
    func begin(at start: ContinuousClock.Instant, _ driver: SchedulerDriver) {
        self.start = start
        self.wake(driver)
    }

    private func wake(_ driver: SchedulerDriver) {
        self.framework.wake(at: self.now)
        self.carryOut(driver)
    }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.isRegistered = true
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            let answer = self.framework.answer(offer, at: self.now)
            if answer.tasks.isEmpty {
                driver.declineOffers([offer], for: answer.refusal)
                continue
            }
            let tasks = answer.tasks.map { planned in
                var task = TaskInfo(planned.id, on: offer, resources: planned.resources)
                task.command = CommandInfo(shell: "wait \(planned.length.asSeconds) 0")
                return task
            }
            driver.launchTasks(tasks, on: [offer], refusing: answer.refusal)
        }
        self.carryOut(driver)
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        self.framework.updated(status, at: self.now)
        self.carryOut(driver)
    }

    private func carryOut(_ driver: SchedulerDriver) {
        for order in self.framework.takeOrders() {
            switch order {
            case .suppress: driver.suppressOffers()
            case .revive: driver.reviveOffers()
            case .kill(let task): driver.killTask(task, grace: .zero)
            case .wake(let at):
                let moment = self.start + at
                Task {
                    try await Task.sleep(until: moment, clock: .continuous)
                    self.wake(driver)
                }
            }
        }
    }
}
