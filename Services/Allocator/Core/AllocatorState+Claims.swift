import Model

// Guarantees and limits: how much of what is free a client can be offered.
//
// Of what is free in the cluster, as much as is unmet of guarantees stays unoffered to all but those whose guarantees
// they are. Each allocator holds back its part of that, in proportion to what is free of the agents it owns; so all together hold
// back the whole, whoever owns what.

/// What is free, without ports and sets, beyond what is proposed.
struct FreeResources {
    var ofAll = Resources()
    var ofOwned = Resources()
}

extension AllocatorState {
    // MARK: What is free

    /// Changes what is free of an agent, or whether it can be offered, and keeps the sums.
    ///
    /// While nothing is guaranteed there are none to keep.
    mutating func changeFree(of agent: UInt32, _ change: (inout Self) -> Void) {
        guard !self.tree.guaranteed.isEmpty else { return change(&self) }
        let before = self.countable(agent)
        self.free.ofAll -= before.all
        self.free.ofOwned -= before.owned
        change(&self)
        let after = self.countable(agent)
        self.free.ofAll += after.all
        self.free.ofOwned += after.owned
        if self.heldBackAt != nil { self.isSpareMoved = true }
    }

    /// Sums anew, after guarantees have changed.
    ///
    /// - Complexity: O(agents).
    mutating func recountFree() {
        self.free = FreeResources()
        guard !self.tree.guaranteed.isEmpty else { return }
        for agent in self.agents.indices {
            let countable = self.countable(UInt32(agent))
            self.free.ofAll += countable.all
            self.free.ofOwned += countable.owned
        }
    }

    private func countable(_ agent: UInt32) -> (all: Resources, owned: Resources) {
        let row = Int(agent)
        guard self.agents[row].isActive else { return (.init(), .init()) }
        let owned = self.available(of: agent).scalars
        return (self.agents[row].isOwned ? owned : self.agents[row].free.scalars, owned)
    }

    // MARK: How much of it for whom

    /// What a client can be offered of what an agent has free; nil if that is of no use.
    mutating func allowed(_ available: Resources, for client: UInt32) -> Resources? {
        guard self.tree.hasClaims else { return available }
        var excess = self.tree.excess(available, of: client)
        if !self.tree.unmet.isEmpty {
            let heldBack = available.scalars - self.unreserved(for: client)
            if !heldBack.isEmpty {
                self.noteHeldBack()
                excess = excess.union(heldBack)
            }
        }
        if excess.isEmpty { return available }
        let rest = available - excess
        // Without any CPUs or without any memory nothing can run on it.
        if rest.cpus == 0 && available.cpus > 0 || rest.mem == 0 && available.mem > 0 || rest.scalars.isEmpty {
            return nil
        }
        return self.kinds.isEnough(rest, for: self.tree[client].kind) ? rest : nil
    }

    /// What of the free resources of owned agents is not held back from a client.
    ///
    /// That is what it, or its roles, lack of their own guarantees, or what is free beyond the guarantees of others.
    private func unreserved(for client: UInt32) -> Resources {
        let others = self.tree.unmetOfOthers(than: client)
        let spare = self.free.ofOwned - others.scaled(by: self.free.ofOwned, of: self.free.ofAll)
        return spare.union(self.tree.unmet - others)
    }

    // MARK: When more can be offered

    /// What is free beyond all guarantees.
    private var spare: Resources {
        self.free.ofOwned - self.tree.unmet.scaled(by: self.free.ofOwned, of: self.free.ofAll)
    }

    private mutating func noteHeldBack() {
        let spare = self.spare
        self.heldBackAt = self.heldBackAt.map { $0 - ($0 - spare) } ?? spare
    }

    /// If what stood in somebody's way does not any more, all agents are looked at again.
    ///
    /// Asked after what came free is given away, which mostly uses it up.
    mutating func lookAgainIfAllowed() {
        self.isSpareMoved = false
        guard self.tree.hasClaims else { return }
        var isAllowed = self.tree.hasRoomAgain()
        if let before = self.heldBackAt, !(self.spare - before).isEmpty {
            self.heldBackAt = nil
            isAllowed = true
        }
        if isAllowed { self.lookAtAll() }
    }
}
