import FairSharing
import Foundation
import MesetaSDK
import Runtime
import TestSupport

/// Drives a trial of fair sharing on real processes.
actor LiveTrial {
    private let plan: SharingPlan
    private let cluster: RealCluster
    private let reader: BooksReader
    private let clock = HostClock()
    private var trial: SharingTrial
    private var timers: [SharingTrial.Timer: Int] = [:]
    private var lastTimer = 0
    private var frameworks: [GreedyScheduler] = []
    private var drivers: [SchedulerDriver] = []
    private var newcomer: SchedulerDriver?
    private var jobs: [Task<Void, Never>] = []
    private var outcome: CheckedContinuation<SharingReport, any Error>?

    init(plan: SharingPlan, cluster: RealCluster) async throws {
        self.plan = plan
        self.cluster = cluster
        self.trial = SharingTrial(plan: plan)
        self.reader = try await BooksReader.dialling(cluster.master)
        let program = UpCluster.ownDirectory.appendingPathComponent("five-frameworks").path
        let executor = ExecutorInfo("timers", program: program, arguments: ["executor"])
        for (index, name) in plan.frameworkNames.enumerated() {
            let scheduler = GreedyScheduler(GreedyFramework(index, of: plan, executor: executor))
            self.frameworks.append(scheduler)
            self.drivers.append(
                SchedulerDriver(
                    framework: FrameworkInfo(name, failoverTimeout: .seconds(60)), master: cluster.master,
                    scheduler: scheduler))
        }
    }

    /// Runs it to its end.
    func run() async throws -> SharingReport {
        let report = try await withCheckedThrowingContinuation { continuation in
            self.outcome = continuation
            for driver in self.drivers { self.start(driver) }
            self.jobs.append(Task { await self.watchAgents() })
            self.handle(.started)
        }
        self.jobs.forEach { $0.cancel() }
        self.newcomer?.stop()
        for driver in self.drivers { driver.stop() }
        await self.reader.close()
        return report
    }

    private func start(_ driver: SchedulerDriver) {
        Task {
            do { try await driver.run() } catch { self.fail(error) }
        }
    }

    private func fail(_ error: any Error) {
        self.outcome?.resume(throwing: error)
        self.outcome = nil
    }

    private func handle(_ event: SharingTrial.Event) {
        var effects: [SharingTrial.Effect] = []
        self.trial.handle(event, at: self.clock.now, into: &effects)
        for effect in effects { self.perform(effect) }
    }

    private func perform(_ effect: SharingTrial.Effect) {
        switch effect {
        case .readBooks: Task { await self.readBooks() }
        case .killAllocator(let number): self.cluster.killAllocator(number)
        case .startAllocator(let number):
            do { try self.cluster.startAllocator(number) } catch { self.fail(error) }
        case .suppressFrameworks:
            let pairs = zip(self.frameworks, self.drivers)
            for (framework, driver) in pairs { Task { await framework.suppress(driver) } }
        case .endFrameworks: for driver in self.drivers { driver.stop() }
        case .startNewcomer:
            let driver = SchedulerDriver(
                framework: FrameworkInfo(SharingPlan.newcomerName), master: self.cluster.master, scheduler: Hoarder())
            self.newcomer = driver
            self.start(driver)
        case .setTimer(let timer, let instant): self.setTimer(timer, instant)
        case .say(let line):
            print(line)
            fflush(nil)  // Somebody may be watching through a pipe.
        case .finish(let report):
            self.outcome?.resume(returning: report)
            self.outcome = nil
        }
    }

    private func setTimer(_ timer: SharingTrial.Timer, _ instant: Instant) {
        self.lastTimer += 1
        let number = self.lastTimer
        self.timers[timer] = number
        guard instant < .distantFuture else { return }
        let delay = instant - self.clock.now
        Task {
            try? await Task.sleep(for: delay)
            guard self.timers[timer] == number else { return }
            self.timers[timer] = nil
            self.handle(.timerFired(timer))
        }
    }

    private func readBooks() async {
        do {
            // The counts first: they only matter when all tasks have ended, and then they stay.
            var counts: [GreedyFramework.Counts] = []
            for framework in self.frameworks { counts.append(await framework.counts) }
            var books = try await self.reader.read()
            books.counts = counts
            self.handle(.books(books))
        } catch { self.fail(error) }
    }

    /// Each second: what agents themselves run, whatever the master has booked.
    private func watchAgents() async {
        while !Task.isCancelled {
            let cluster = self.cluster
            let answers = await Task.detached { cluster.askAgents() }.value
            for (name, milliCPU) in answers { self.handle(.agentUses(name, milliCPU: milliCPU)) }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}

/// The scheduler of a greedy framework.
actor GreedyScheduler: Scheduler {
    private var framework: GreedyFramework

    init(_ framework: GreedyFramework) { self.framework = framework }

    var counts: GreedyFramework.Counts { self.framework.counts }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            let tasks = self.framework.answer(offer)
            if tasks.isEmpty { driver.declineOffers([offer]) } else { driver.launchTasks(tasks, on: [offer]) }
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) { self.framework.updated(status) }

    /// Wants nothing more; what runs goes on.
    func suppress(_ driver: SchedulerDriver) {
        self.framework.isHungry = false
        driver.suppressOffers()
    }
}

/// Keeps whatever it is offered, and uses none of it.
struct Hoarder: Scheduler {
    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {}
    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {}
}
