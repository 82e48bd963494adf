import Model

/// What competes with its siblings for resources: a role below its parent role, or a framework in a role.
struct Contender {
    /// The role that it competes in; the root's is itself.
    let parent: UInt32
    let isRole: Bool
    /// Decides between siblings that are equal in all else, the lowest first.
    let tie: UInt32
    /// What a policy may look at.
    var standing = Standing()
    /// With all that is below it; scalars only.
    var held = Resources()
    /// How often it, or something below it, was given an agent's resources by this allocator.
    var served: UInt64 = 0
    /// It waits for `RoleTree.settle`.
    var isStale = false
    /// A framework that can be given something, or a role with such a framework below it.
    var isListed = false

    // Of roles.

    /// How often the child served last had been served before: who comes or comes back starts from there, and does not make
    /// up for the time when it wanted nothing.
    var servedClock: UInt64 = 0
    /// The ticket of the child served last.
    var ticketClock: Double = 0

    // Of frameworks.

    /// Which offers of which agents are of use to it: a row of the `KindTable`.
    var kind: UInt32 = 0
}

/// What a policy may look at beside a contender's share.
struct Standing: Hashable {
    /// Above 0.
    var weight: Double = 1
    /// Higher first, for policies that care.
    var priority: Int32 = 0
    /// For policies by chance: when its turn is, on the clock of its parent.
    var ticket: Double = 0
}

/// What decides which sibling is first: the place that the policy gave it, then how often it was served, then a fixed number.
struct Rank: Hashable, Comparable {
    var place = Place(value: 0)
    var tie: UInt32 = 0
    var served: UInt64 = 0
    /// Whom it ranks.
    var id: UInt32 = 0

    static func < (left: Self, right: Self) -> Bool {
        if left.place.level != right.place.level { return left.place.level < right.place.level }
        if left.place.value != right.place.value { return left.place.value < right.place.value }
        if left.served != right.served { return left.served < right.served }
        return left.tie != right.tie ? left.tie < right.tie : left.id < right.id
    }
}
