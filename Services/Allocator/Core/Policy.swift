import Model

/// Who is preferred: where a contender stands among its siblings.
///
/// Roles and frameworks form a tree (`RoleTree`), which counts what each holds and keeps siblings in order. A policy only
/// says by what they are ordered; it is asked again whenever something changes that it may look at.
protocol Policy {
    /// Where a contender stands among its siblings; the lowest goes first.
    ///
    /// `share` is what it holds, as a part of the cluster: its dominant share.
    func place(of standing: Standing, share: Double) -> Place

    /// Whether it is a policy by chance.
    var drawsTickets: Bool { get }

    /// For a policy by chance: how far behind a contender's last ticket its next one lies.
    mutating func ticketDistance(weight: Double) -> Double
}

extension Policy {
    var drawsTickets: Bool { false }
    func ticketDistance(weight: Double) -> Double { 0 }
}

/// Where a contender stands among its siblings: by level, and within one by value.
struct Place: Hashable {
    var level: Int32 = 0
    var value: Double
}

extension SharingPolicy {
    func make(_ random: SeededGenerator) -> any Policy {
        switch self {
        case .fair: FairPolicy()
        case .priority: PriorityPolicy()
        case .lottery: LotteryPolicy(random: random)
        }
    }
}
