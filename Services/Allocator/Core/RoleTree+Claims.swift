import Model

// Guarantees and limits of roles and frameworks. While there are none, they cost nothing.

extension RoleTree {
    /// A role, or a framework by its primary client, is guaranteed and limited otherwise than before.
    ///
    /// True if that changes anything.
    ///
    /// - Complexity: O(roles and clients): it happens when an operator decides so.
    @discardableResult
    mutating func set(guarantee: Resources, limit: Resources?, of contender: UInt32) -> Bool {
        let index = Int(contender)
        let (guarantee, limit) = (guarantee.scalars, limit?.scalars)
        guard self.claims[index].guarantee != guarantee || self.claims[index].limit != limit else { return false }
        self.claims[index].guarantee = guarantee
        self.claims[index].limit = limit
        self.recountClaims()
        return true
    }

    /// A client's framework has its claim at another client.
    mutating func set(primary: UInt32, of client: UInt32) {
        self.claims[Int(client)].primary = primary
        if self.hasClaims { self.recountClaims() }
    }

    private mutating func recountClaims() {
        self.guaranteed = []
        self.relaxed = []
        self.hasClaims = false
        for index in self.claims.indices {
            self.claims[index].heldByFramework = .init()
            self.claims[index].unmet = .init()
            self.claims[index].unmetBelow = .init()
            self.claims[index].hasDenied = false
            if !self.claims[index].guarantee.isEmpty { self.guaranteed.append(UInt32(index)) }
            if !self.claims[index].guarantee.isEmpty || self.claims[index].limit != nil { self.hasClaims = true }
        }
        guard self.hasClaims else { return }
        for index in self.claims.indices where !self[UInt32(index)].isRole {
            let primary = Int(self.claims[index].primary)
            self.claims[primary].heldByFramework += self[UInt32(index)].held
        }
        for contender in self.guaranteed { self.countUnmet(from: contender) }
    }

    /// Follows what a client holds more.
    mutating func claimsHeld(_ resources: Resources, by client: UInt32) {
        self.claims[Int(self.claims[Int(client)].primary)].heldByFramework += resources
        self.countUnmet(of: client)
    }

    /// Follows what a client holds less.
    mutating func claimsReleased(_ resources: Resources, by client: UInt32) {
        let primary = self.claims[Int(client)].primary
        self.claims[Int(primary)].heldByFramework -= resources
        self.countUnmet(of: client)
        self.relax(primary)
        var id = client
        while id != Self.root {
            id = self[id].parent
            self.relax(id)
        }
    }

    private mutating func relax(_ contender: UInt32) {
        guard self.claims[Int(contender)].hasDenied else { return }
        self.claims[Int(contender)].hasDenied = false
        self.relaxed.append(contender)
    }

    private mutating func countUnmet(of client: UInt32) {
        guard !self.guaranteed.isEmpty else { return }
        self.countUnmet(from: client)
        let primary = self.claims[Int(client)].primary
        if primary != client { self.countUnmet(from: primary) }
    }

    private mutating func countUnmet(from contender: UInt32) {
        var id = contender
        while true {
            let index = Int(id)
            let before = self.claims[index].unmet
            self.claims[index].unmet = self.deficit(of: id).union(self.claims[index].unmetBelow)
            if id == Self.root { return }
            id = self[id].parent
            self.claims[Int(id)].unmetBelow -= before
            self.claims[Int(id)].unmetBelow += self.claims[index].unmet
        }
    }

    /// What counts against the claim of a role or of a client's framework.
    func heldByClaimant(_ contender: UInt32) -> Resources {
        self[contender].isRole ? self[contender].held : self.claims[Int(contender)].heldByFramework
    }

    /// What a role or a framework lacks of its own guarantee.
    func deficit(of contender: UInt32) -> Resources {
        self.claims[Int(contender)].guarantee - self.heldByClaimant(contender)
    }

    /// What is held back for guarantees of all.
    var unmet: Resources { self.claims[Int(Self.root)].unmet }

    /// Those that have less than they are guaranteed and could be given something, the least satisfied first.
    func belowGuarantee() -> [UInt32] {
        if self.guaranteed.isEmpty || self.unmet.isEmpty { return [] }
        return self.guaranteed.filter { self[$0].isListed && !self.deficit(of: $0).isEmpty }
            .map { ($0, self.heldByClaimant($0).satisfaction(of: self.claims[Int($0)].guarantee)) }
            .sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
    }

    /// What is held back from a client: what is unmet of guarantees that are not those of its framework and its roles.
    func unmetOfOthers(than client: UInt32) -> Resources {
        var others = Resources()
        var id = client
        while id != Self.root {
            let parent = self[id].parent
            others += self.claims[Int(parent)].unmetBelow - self.claims[Int(id)].unmet
            id = parent
        }
        return others
    }

    /// How much of these resources is beyond the limits of a client's framework and roles.
    mutating func excess(_ resources: Resources, of client: UInt32) -> Resources {
        var excess = Resources()
        var id = self.claims[Int(client)].primary
        if let limit = self.claims[Int(id)].limit {
            excess = resources.excess(over: limit, having: self.claims[Int(id)].heldByFramework)
            if !excess.isEmpty { self.claims[Int(id)].hasDenied = true }
        }
        id = self[client].parent
        while id != Self.root {
            if let limit = self.claims[Int(id)].limit {
                let more = resources.excess(over: limit, having: self[id].held)
                if !more.isEmpty { self.claims[Int(id)].hasDenied = true }
                excess = excess.union(more)
            }
            id = self[id].parent
        }
        return excess
    }

    /// Whether a role may hold no more CPUs or memory.
    mutating func isFull(_ role: UInt32) -> Bool {
        let isFull = self.isAtLimit(role)
        if isFull { self.claims[Int(role)].hasDenied = true }
        return isFull
    }

    private func isAtLimit(_ contender: UInt32) -> Bool {
        guard let limit = self.claims[Int(contender)].limit else { return false }
        let held = self.heldByClaimant(contender)
        return limit.cpus > 0 && held.cpus >= limit.cpus || limit.mem > 0 && held.mem >= limit.mem
    }

    /// Whether a limit that stood in somebody's way leaves room since something was released.
    mutating func hasRoomAgain() -> Bool {
        var hasRoom = false
        for contender in self.relaxed {
            // The next release is another chance.
            if self.isAtLimit(contender) { self.claims[Int(contender)].hasDenied = true } else { hasRoom = true }
        }
        self.relaxed.removeAll(keepingCapacity: true)
        return hasRoom
    }
}
