import Model

/// The roles, and the frameworks in them, as a tree: role `a/b` below role `a`, a framework below each of its roles.
///
/// Siblings compete at each node. The tree counts what each holds, and keeps them in the order of the policy; going down by
/// the first of each node leads to the *client* (a framework in a role) that is preferred.
///
/// A change of what a client holds costs O(depth) when it comes in, and once per turn a move of it and of its roles in the lists of
/// their siblings, however often they changed: O(log siblings), and up to four bytes per sibling of plain memory. A
/// change of the cluster's total costs O(clients log clients) once per turn.
struct RoleTree {
    static let root: UInt32 = 0

    var policy: any Policy
    /// Roles and clients by number.
    private(set) var contenders: [Contender]
    private var vacant: [UInt32] = []
    /// By number, as they stand in their lists.
    var ranks: [Rank]
    /// By number of the role: its children.
    var siblings: [Siblings]
    var walk = Walk()
    /// By number.
    var claims: [Claim]
    /// Whether any of them guarantees or limits anything.
    var hasClaims = false
    /// Who is guaranteed something, ascending.
    var guaranteed: [UInt32] = []
    /// Whose limits stood in somebody's way, and who holds less since.
    var relaxed: [UInt32] = []

    private(set) var total = Resources()
    private var isTotalStale = false
    private var stale: [UInt32] = []

    init(_ policy: any Policy) {
        self.policy = policy
        self.contenders = [Contender(parent: Self.root, isRole: true, tie: 0)]
        self.ranks = [Rank()]
        self.siblings = [Siblings()]
        self.claims = [Claim(primary: Self.root)]
    }

    /// A role or client by its number.
    subscript(contender: UInt32) -> Contender { self.contenders[Int(contender)] }

    /// One above the highest number ever given.
    var endIndex: UInt32 { UInt32(self.contenders.count) }

    // MARK: Who there is

    /// Adds a role below another.
    mutating func addRole(below parent: UInt32) -> UInt32 {
        self.insert(Contender(parent: parent, isRole: true, tie: UInt32(self.contenders.count)))
    }

    /// Adds a client, which holds nothing and wants nothing yet.
    mutating func addClient(in role: UInt32, tie: UInt32, kind: UInt32) -> UInt32 {
        var client = Contender(parent: role, isRole: false, tie: tie)
        client.kind = kind
        return self.insert(client)
    }

    private mutating func insert(_ contender: Contender) -> UInt32 {
        let id: UInt32
        if let vacancy = self.vacant.popLast() {
            id = vacancy
            self.contenders[Int(id)] = contender
            self.siblings[Int(id)] = Siblings()
            self.claims[Int(id)] = Claim(primary: id)
        } else {
            id = UInt32(self.contenders.count)
            self.contenders.append(contender)
            self.ranks.append(Rank())
            self.siblings.append(Siblings())
            self.claims.append(Claim(primary: id))
        }
        self.ranks[Int(id)] = self.rank(of: id)
        return id
    }

    /// A client is gone, with all that it held.
    mutating func removeClient(_ client: UInt32) {
        self.setEligible(client, false)
        self.release(self[client].held, by: client)
        self.set(guarantee: .init(), limit: nil, of: client)
        self.vacant.append(client)
    }

    /// A role or client counts for more or less than before.
    mutating func set(weight: Double, priority: Int32, of contender: UInt32) {
        // None at all, from a master that knows no weights, is the default.
        let weight = weight > 0 ? weight : 1
        let index = Int(contender)
        let standing = self.contenders[index].standing
        guard standing.weight != weight || standing.priority != priority else { return }
        self.contenders[index].standing.weight = weight
        self.contenders[index].standing.priority = priority
        self.draw(contender)
        self.touch(contender)
    }

    /// Other offers are of use to a client.
    mutating func set(kind: UInt32, of client: UInt32) {
        guard self[client].kind != kind else { return }
        let isListed = self[client].isListed
        if isListed { self.unlist(client) }
        self.contenders[Int(client)].kind = kind
        if isListed { self.list(client) }
    }

    /// Whether a client can be given anything: its framework is active and has not suppressed the role.
    mutating func setEligible(_ client: UInt32, _ isEligible: Bool) {
        guard self[client].isListed != isEligible else { return }
        if isEligible { self.list(client) } else { self.unlist(client) }
    }

    /// Everybody stands in the order of another policy from now on.
    ///
    /// - Complexity: O(clients log clients) in the next turn.
    mutating func follow(_ policy: any Policy) {
        self.policy = policy
        for contender in self.contenders.indices.dropFirst() { self.draw(UInt32(contender)) }
        self.isTotalStale = true
    }

    // MARK: What they hold

    /// What all agents of the cluster have together; scalars only.
    mutating func setTotal(_ total: Resources) {
        self.total = total
        self.isTotalStale = true
    }

    /// A client holds this much more; scalars only.
    mutating func hold(_ resources: Resources, by client: UInt32) {
        var id = client
        while true {
            self.contenders[Int(id)].held += resources
            if id == Self.root { break }
            self.touch(id)
            id = self.contenders[Int(id)].parent
        }
        if self.hasClaims { self.claimsHeld(resources, by: client) }
    }

    /// A client holds this much less; scalars only.
    mutating func release(_ resources: Resources, by client: UInt32) {
        var id = client
        while true {
            self.contenders[Int(id)].held -= resources
            if id == Self.root { break }
            self.touch(id)
            id = self.contenders[Int(id)].parent
        }
        if self.hasClaims { self.claimsReleased(resources, by: client) }
    }

    /// A client was given an agent's resources by this allocator: its turn is used, and that of its roles.
    mutating func served(_ client: UInt32) {
        var id = client
        while id != Self.root {
            let (row, parent) = (Int(id), Int(self.contenders[Int(id)].parent))
            self.contenders[parent].servedClock = self.contenders[row].served
            self.contenders[parent].ticketClock = max(
                self.contenders[parent].ticketClock, self.contenders[row].standing.ticket)
            self.contenders[row].served += 1
            self.draw(id)
            self.touch(id)
            id = UInt32(parent)
        }
    }

    /// How large a part of the cluster that is: the largest of its shares.
    func dominantShare(_ held: Resources) -> Double {
        var share = max(
            Self.part(held.cpus, self.total.cpus), Self.part(held.mem, self.total.mem),
            Self.part(held.disk, self.total.disk), Self.part(held.gpus, self.total.gpus))
        for other in held.others {
            guard case .scalar(let milli) = other.value else { continue }
            share = max(share, Self.part(milli, self.total.scalar(other.name)))
        }
        return share
    }

    private static func part(_ held: Int64, _ total: Int64) -> Double {
        total > 0 ? Double(held) / Double(total) : 0
    }

    // MARK: The order

    private func rank(of id: UInt32) -> Rank {
        let row = Int(id)
        // Field by field: copies of what holds a list cost more than the division.
        var share = max(
            Self.part(self.contenders[row].held.cpus, self.total.cpus),
            Self.part(self.contenders[row].held.mem, self.total.mem),
            Self.part(self.contenders[row].held.disk, self.total.disk),
            Self.part(self.contenders[row].held.gpus, self.total.gpus))
        if !self.total.others.isEmpty { share = self.dominantShare(self.contenders[row].held) }
        let standing = self.contenders[row].standing
        return Rank(
            place: self.policy.place(of: standing, share: share), tie: self.contenders[row].tie,
            served: self.contenders[row].served, id: id)
    }

    /// The next ticket, behind all that were drawn before.
    private mutating func draw(_ id: UInt32) {
        guard self.policy.drawsTickets else { return }
        let distance = self.policy.ticketDistance(weight: self.contenders[Int(id)].standing.weight)
        let parent = Int(self.contenders[Int(id)].parent)
        self.contenders[Int(id)].standing.ticket = self.contenders[parent].ticketClock + distance
    }

    /// Those whose turn came while they could be given nothing draw again from the present on.
    mutating func catchUp(in role: UInt32, kind: UInt32) {
        let clock = self.contenders[Int(role)].ticketClock
        while let first = self.siblings[Int(role)].child(0, in: kind) {
            guard self.contenders[Int(first)].standing.ticket < clock else { return }
            self.draw(first)
            self.refresh(first)
        }
    }

    private mutating func touch(_ id: UInt32) {
        guard !self.contenders[Int(id)].isStale else { return }
        self.contenders[Int(id)].isStale = true
        self.stale.append(id)
    }

    /// Brings the order up to date with what was told.
    mutating func settle() {
        if self.isTotalStale {
            self.isTotalStale = false
            for id in self.contenders.indices { self.ranks[id] = self.rank(of: UInt32(id)) }
            for role in self.siblings.indices { self.siblings[role].sort(by: self.ranks) }
            for id in self.stale { self.contenders[Int(id)].isStale = false }
        } else {
            for id in self.stale {
                self.contenders[Int(id)].isStale = false
                self.refresh(id)
            }
        }
        self.stale.removeAll(keepingCapacity: true)
    }

    /// Puts one where it belongs by now.
    private mutating func refresh(_ id: UInt32) {
        let rank = self.rank(of: id)
        guard rank != self.ranks[Int(id)] else { return }
        if self.contenders[Int(id)].isListed {
            let parent = Int(self.contenders[Int(id)].parent)
            if self.contenders[Int(id)].isRole {
                for index in self.siblings[Int(id)].kinds.indices {
                    let kind = self.siblings[Int(id)].kinds[index]
                    self.siblings[parent].move(id, to: rank, in: kind, self.ranks)
                }
            } else {
                self.siblings[parent].move(id, to: rank, in: self.contenders[Int(id)].kind, self.ranks)
            }
        }
        self.ranks[Int(id)] = rank
    }

    /// Puts a client among its siblings, and its roles among theirs if it is the first in them.
    private mutating func list(_ client: UInt32) {
        let kind = self[client].kind
        var id = client
        while id != Self.root {
            let parent = self[id].parent
            if !self[id].isListed {
                self.contenders[Int(id)].isListed = true
                self.contenders[Int(id)].served = max(self[id].served, self[parent].servedClock)
                self.draw(id)
                self.ranks[Int(id)] = self.rank(of: id)
            }
            let wasEmpty = self.siblings[Int(parent)].isEmpty(kind)
            self.siblings[Int(parent)].insert(id, in: kind, self.ranks)
            guard wasEmpty else { return }
            id = parent
        }
    }

    private mutating func unlist(_ client: UInt32) {
        let kind = self[client].kind
        var id = client
        while id != Self.root {
            let parent = self[id].parent
            self.siblings[Int(parent)].remove(id, in: kind, self.ranks)
            if self.siblings[Int(id)].kinds.isEmpty { self.contenders[Int(id)].isListed = false }
            guard self.siblings[Int(parent)].isEmpty(kind) else { return }
            id = parent
        }
    }
}
