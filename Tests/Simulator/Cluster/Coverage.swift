/// How often faults were injected, and states reached, over one run or many: what never happened was not tested.
public final class Coverage {
    /// What is counted.
    public enum Event: Int, CaseIterable, Sendable {
        case kills, deathsInMidEvent, freezes, cuts, oneWayCuts, relayCuts, resets, slowLinks, delaySpikes, clocksWrong
        case zooKeeperAway, zooKeeperCut, zooKeeperWiped, minorities, sessionsExpired, epochFilesLost
        case disksFull, writesRefused, writesFailed, writesTorn, writesLost, writesSurvived
        case elections, deathsWitnessed, leadersDeposed, leadersFenced, leadersAtATime
        case staleLeadersRefused, staleOrdersIgnored, agentsAsked
        case framesLost, silentPeersGivenUp, relaysChanged, relaysCutOff, relaysStartedCutOff,
            schedulerFailovers
        case standbysTookOver, schedulersOutlived
        case statusesDelivered, statusesDeliveredAgain, tasksStarted, tasksUnreachable, tasksReturned,
            tasksEndedOnReturn
        case endsCorrected
        /// Of an earlier version: a link on which statuses of two schedulers might mix, an agent that must attach again.
        case olderRelaysDropped, olderAgentsDropped
    }

    private var counts = [Int](repeating: 0, count: Event.allCases.count)

    /// Nothing has happened yet.
    public init() {}

    /// It happened so many times more.
    public func count(_ event: Event, times: Int = 1) { self.counts[event.rawValue] += times }

    /// How often it happened.
    public func count(of event: Event) -> Int { self.counts[event.rawValue] }

    /// Adds what happened in another run.
    public func add(_ other: [Int]) { for (index, count) in other.enumerated() { self.counts[index] += count } }

    /// In the order of `Event`.
    public var all: [Int] { self.counts }

    /// What never happened.
    public var missing: [Event] { Event.allCases.filter { self.counts[$0.rawValue] == 0 } }

    /// A line for each, `NEVER` where it did not happen.
    public var table: String {
        Event.allCases.map { event in
            let name = "\(event)"
            let count = self.counts[event.rawValue]
            return name + String(repeating: " ", count: 26 - name.count) + (count == 0 ? "NEVER" : "\(count)")
        }.joined(separator: "\n")
    }
}
