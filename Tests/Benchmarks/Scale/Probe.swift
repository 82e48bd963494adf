import Foundation
import MesetaSDK
import TestSupport

/// A framework that comes to the full cluster, runs one task, and leaves: the paper's measure of scheduling overhead.
actor Probe: Scheduler {
    /// Moments in seconds since 1970.
    struct Moments: Sendable {
        /// It began to register.
        var began = 0.0
        /// It was offered a slot.
        var offered = 0.0
        /// Its task was known to run.
        var running = 0.0
        /// Its task was known to have finished.
        var finished = 0.0
    }

    private let slot: Resources
    private let seconds: Double
    private var moments = Moments()
    private var hasLaunched = false
    private var failure: String?
    private var isOver = false

    private init(slot: Resources, seconds: Double) { (self.slot, self.seconds) = (slot, seconds) }

    /// Runs a probe.
    ///
    /// - Parameter seconds: The length of its task.
    static func run(_ number: Int, slot: Resources, seconds: Double, master: String) async throws -> Moments {
        let probe = Probe(slot: slot, seconds: seconds)
        await probe.begin()
        let driver = SchedulerDriver(framework: FrameworkInfo("probe-\(number)"), master: master, scheduler: probe)
        let deadline = Task {
            try await Task.sleep(for: .seconds(seconds + 120))
            driver.stop()
        }
        defer { deadline.cancel() }
        try await driver.run()
        let (moments, failure) = await (probe.moments, probe.failure)
        guard failure == nil, moments.finished > 0 else {
            throw TestFailure("probe \(number): \(failure ?? "it did not finish within 120 s of its length")")
        }
        return moments
    }

    private static var now: Double { Date().timeIntervalSince1970 }

    private func begin() { self.moments.began = Self.now }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        guard !self.hasLaunched, let offer = offers.first(where: { $0.fits(self.slot) }) else {
            return driver.declineOffers(offers)
        }
        self.hasLaunched = true
        self.moments.offered = Self.now
        var task = TaskInfo("probe", on: offer, resources: self.slot)
        task.command = CommandInfo(shell: "wait \(self.seconds)")
        driver.launchTasks([task], on: [offer])
        // It wants no more. Being the one that has least it would be offered all that comes free, and decline it.
        driver.suppressOffers()
        let rest = offers.filter { $0.id != offer.id }
        if !rest.isEmpty { driver.declineOffers(rest) }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        if status.state == .running, self.moments.running == 0 { self.moments.running = Self.now }
        guard status.state.isTerminal else { return }
        if status.state == .finished {
            self.moments.finished = Self.now
        } else {
            self.failure = "\(status.state.name) \(status.message ?? "")"
        }
        driver.stop()
    }
}
