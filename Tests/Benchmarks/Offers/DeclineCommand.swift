import ArgumentParser
import Foundation
import MesetaSDK
import Synchronization

/// `offers decline`: the frameworks, in a process of their own.
///
/// Told anything, it says its figures.
struct DeclineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decline", abstract: "Frameworks that decline every offer at once; 'offers run' starts this.",
        shouldDisplay: false)

    @Option(help: "Schedulers, each with its own connections.") var frameworks = 200
    @Option(help: "What the schedulers dial.") var master: String

    func run() async throws {
        let counts = OfferCounts()
        for number in 1...self.frameworks {
            let driver = SchedulerDriver(
                framework: FrameworkInfo("decline-\(number)"), master: self.master, scheduler: Decliner(counts: counts))
            Task {
                do { try await driver.run() } catch { counts.failed("decline-\(number): \(error)") }
            }
        }
        while readLine() != nil {
            guard let data = try? JSONEncoder().encode(counts.line) else { continue }
            try? FileHandle.standardOutput.write(contentsOf: data + Data("\n".utf8))
        }
    }
}

/// What the frameworks say.
struct OfferLine: Codable, Sendable {
    /// In seconds since 1970.
    var at = 0.0
    var registered = 0
    var offers = 0
    /// Events that the offers came in.
    var events = 0
    /// Offers that were taken back before they were declined.
    var rescinded = 0
    var problem: String?
}

/// What all frameworks have counted.
final class OfferCounts: Sendable {
    private let offers = Atomic<Int>(0), events = Atomic<Int>(0), rescinded = Atomic<Int>(0),
        registered = Atomic<Int>(0)
    private let problem = Mutex<String?>(nil)

    var line: OfferLine {
        OfferLine(
            at: Date().timeIntervalSince1970, registered: self.registered.load(ordering: .relaxed),
            offers: self.offers.load(ordering: .relaxed), events: self.events.load(ordering: .relaxed),
            rescinded: self.rescinded.load(ordering: .relaxed), problem: self.problem.withLock { $0 })
    }

    func offered(_ count: Int) {
        self.offers.wrappingAdd(count, ordering: .relaxed)
        self.events.wrappingAdd(1, ordering: .relaxed)
    }

    func didRegister() { self.registered.wrappingAdd(1, ordering: .relaxed) }
    func wasRescinded() { self.rescinded.wrappingAdd(1, ordering: .relaxed) }
    func failed(_ problem: String) { self.problem.withLock { $0 = $0 ?? problem } }
}

private struct Decliner: Scheduler {
    let counts: OfferCounts

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.counts.didRegister()
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        self.counts.offered(offers.count)
        driver.declineOffers(offers, for: .zero)
    }

    func offerRescinded(_ driver: SchedulerDriver, _ offer: OfferID) { self.counts.wasRescinded() }
    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {}
    func error(_ driver: SchedulerDriver, _ message: String) { self.counts.failed(message) }
}
