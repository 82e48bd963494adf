import Model

/// Weighted dominant-resource fairness (Ghodsi et al., *Dominant Resource Fairness*, NSDI 2011).
///
/// A client's dominant share is the largest of its shares of the cluster's CPUs, memory, disk, GPUs and other scalars,
/// divided by the weight. Whoever has the smallest is given the next resources: first among the roles, by what all
/// frameworks hold in the role and the role's weight; then among the frameworks of that role, by what each holds in it.
///
/// Between equals, who was served less often goes first, so that clients which keep declining take turns. One that joins,
/// or comes back, starts at the count of the one served last: it does not make up for the time when it wanted nothing.
///
/// A change of what a client holds costs O(1) when it comes in and O(log clients) once per turn, however often it
/// changed; a change of the cluster's total costs O(clients log clients) once per turn.
struct WeightedDominantShare: Policy {
    private struct Client {
        let role: UInt32
        let tie: UInt32
        var held = Resources()
        var served: UInt64 = 0
        var isEligible = false
        var isStale = false
        /// As it stands in its role's list; nil: it stands in none.
        var rank: RankedList.Rank?
    }

    private struct Role {
        var weight: Double = 1
        var held = Resources()
        var served: UInt64 = 0
        var isStale = false
        /// As it stands in the list of roles; nil: nobody in it can be given anything.
        var rank: RankedList.Rank?
        /// The eligible clients.
        var clients = RankedList()
        /// How often the client served last had been served before.
        var clock: UInt64 = 0
    }

    private var clients: [Client?] = []
    private var roles: [Role] = []
    private var ranking = RankedList()
    private var clock: UInt64 = 0
    private var total = Resources()
    private var isTotalStale = false
    private var staleClients: [UInt32] = []
    private var staleRoles: [UInt32] = []

    mutating func setRole(_ role: UInt32, weight: Double) {
        while self.roles.count <= role { self.roles.append(Role()) }
        self.roles[Int(role)].weight = weight
        self.touch(role: role)
    }

    mutating func add(_ client: UInt32, role: UInt32, tie: UInt32) {
        while self.roles.count <= role { self.roles.append(Role()) }
        while self.clients.count <= client { self.clients.append(nil) }
        self.clients[Int(client)] = Client(role: role, tie: tie)
    }

    mutating func remove(_ client: UInt32) {
        guard let entry = self.clients[Int(client)] else { return }
        self.setEligible(client, false)
        self.roles[Int(entry.role)].held -= entry.held
        self.touch(role: entry.role)
        self.clients[Int(client)] = nil
    }

    mutating func setEligible(_ client: UInt32, _ isEligible: Bool) {
        guard let entry = self.clients[Int(client)], entry.isEligible != isEligible else { return }
        let role = Int(entry.role)
        self.clients[Int(client)]!.isEligible = isEligible
        if isEligible {
            self.clients[Int(client)]!.served = max(entry.served, self.roles[role].clock)
            self.enter(client)
        } else if let rank = entry.rank {
            self.roles[role].clients.remove(rank)
            self.clients[Int(client)]!.rank = nil
            if self.roles[role].clients.isEmpty, let rank = self.roles[role].rank {
                self.ranking.remove(rank)
                self.roles[role].rank = nil
            }
        }
    }

    private mutating func enter(_ client: UInt32) {
        let rank = self.rank(ofClient: client)
        let role = self.clients[Int(client)]!.role
        self.clients[Int(client)]!.rank = rank
        self.roles[Int(role)].clients.insert(rank)
        guard self.roles[Int(role)].rank == nil else { return }
        self.roles[Int(role)].served = max(self.roles[Int(role)].served, self.clock)
        let roleRank = self.rank(ofRole: role)
        self.roles[Int(role)].rank = roleRank
        self.ranking.insert(roleRank)
    }

    mutating func setTotal(_ total: Resources) {
        self.total = total
        self.isTotalStale = true
    }

    mutating func hold(_ resources: Resources, by client: UInt32) {
        guard let role = self.clients[Int(client)]?.role else { return }
        self.clients[Int(client)]!.held += resources
        self.roles[Int(role)].held += resources
        self.touch(client: client)
        self.touch(role: role)
    }

    mutating func release(_ resources: Resources, by client: UInt32) {
        guard let role = self.clients[Int(client)]?.role else { return }
        self.clients[Int(client)]!.held -= resources
        self.roles[Int(role)].held -= resources
        self.touch(client: client)
        self.touch(role: role)
    }

    mutating func served(_ client: UInt32) {
        guard let entry = self.clients[Int(client)] else { return }
        let role = Int(entry.role)
        self.clock = self.roles[role].served
        self.roles[role].clock = entry.served
        self.roles[role].served += 1
        self.clients[Int(client)]!.served += 1
        self.touch(client: client)
        self.touch(role: entry.role)
    }

    func first(where accepts: (UInt32) -> Bool) -> UInt32? {
        var found: UInt32?
        _ = self.ranking.first { role in
            found = self.roles[Int(role)].clients.first(where: accepts)
            return found != nil
        }
        return found
    }

    func share(of client: UInt32) -> Double {
        guard client < self.clients.count, let entry = self.clients[Int(client)] else { return 0 }
        return self.dominantShare(entry.held)
    }

    /// The largest part that an amount is of the cluster.
    private func dominantShare(_ held: Resources) -> Double {
        func part(_ held: Int64, _ total: Int64) -> Double { total > 0 ? Double(held) / Double(total) : 0 }
        var share = max(part(held.cpus, self.total.cpus), part(held.mem, self.total.mem))
        share = max(share, part(held.disk, self.total.disk), part(held.gpus, self.total.gpus))
        for other in held.others {
            if case .scalar(let milli) = other.value { share = max(share, part(milli, self.total.scalar(other.name))) }
        }
        return share
    }

    private func rank(ofClient client: UInt32) -> RankedList.Rank {
        let entry = self.clients[Int(client)]!
        return RankedList.Rank(
            share: self.dominantShare(entry.held), served: entry.served, tie: entry.tie, id: client)
    }

    private func rank(ofRole role: UInt32) -> RankedList.Rank {
        let entry = self.roles[Int(role)]
        return RankedList.Rank(
            share: self.dominantShare(entry.held) / entry.weight, served: entry.served, tie: role, id: role)
    }

    private mutating func touch(client: UInt32) {
        guard !self.clients[Int(client)]!.isStale else { return }
        self.clients[Int(client)]!.isStale = true
        self.staleClients.append(client)
    }

    private mutating func touch(role: UInt32) {
        guard !self.roles[Int(role)].isStale else { return }
        self.roles[Int(role)].isStale = true
        self.staleRoles.append(role)
    }

    mutating func settle() {
        if self.isTotalStale {
            for role in self.roles.indices where !self.roles[role].clients.isEmpty { self.rebuild(role) }
            var ranks: [UInt32: RankedList.Rank] = [:]
            for role in self.roles.indices where self.roles[role].rank != nil {
                ranks[UInt32(role)] = self.rank(ofRole: UInt32(role))
                self.roles[role].rank = ranks[UInt32(role)]
            }
            self.ranking.rebuild { ranks[$0]! }
            self.isTotalStale = false
        }
        for client in self.staleClients {
            guard let entry = self.clients[Int(client)], entry.isStale else { continue }
            self.clients[Int(client)]!.isStale = false
            guard let old = entry.rank else { continue }
            let rank = self.rank(ofClient: client)
            guard rank != old else { continue }
            self.roles[Int(entry.role)].clients.remove(old)
            self.roles[Int(entry.role)].clients.insert(rank)
            self.clients[Int(client)]!.rank = rank
        }
        self.staleClients.removeAll(keepingCapacity: true)
        for role in self.staleRoles {
            self.roles[Int(role)].isStale = false
            guard let old = self.roles[Int(role)].rank else { continue }
            let rank = self.rank(ofRole: role)
            guard rank != old else { continue }
            self.ranking.remove(old)
            self.ranking.insert(rank)
            self.roles[Int(role)].rank = rank
        }
        self.staleRoles.removeAll(keepingCapacity: true)
    }

    private mutating func rebuild(_ role: Int) {
        var clients = self.roles[role].clients
        self.roles[role].clients = RankedList()
        var ranks: [UInt32: RankedList.Rank] = [:]
        clients.rebuild { client in
            let rank = self.rank(ofClient: client)
            ranks[client] = rank
            return rank
        }
        for (client, rank) in ranks { self.clients[Int(client)]!.rank = rank }
        self.roles[role].clients = clients
    }
}
