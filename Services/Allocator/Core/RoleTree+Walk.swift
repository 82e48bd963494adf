/// Where a walk through the clients stands: the way down from where it began, with a cursor for each list at each node.
struct Walk {
    struct Step {
        let role: UInt32
        /// Its cursors are those from here to the next step's.
        let firstCursor: Int
    }

    struct Cursor {
        let kind: UInt32
        var place: Int
    }

    /// Clients of these kinds are met, others cost nothing.
    var kinds: [UInt32] = []
    var steps: [Step] = []
    var cursors: [Cursor] = []
    /// The one client of a walk to it alone.
    var only: UInt32?
}

extension RoleTree {
    /// Begins a walk through the clients below a role, or to a client alone, of the kinds in `walk.kinds`.
    mutating func startWalk(below contender: UInt32 = Self.root) {
        self.walk.steps.removeAll(keepingCapacity: true)
        self.walk.cursors.removeAll(keepingCapacity: true)
        self.walk.only = nil
        if self.contenders[Int(contender)].isRole {
            self.enter(contender)
        } else if self.walk.kinds.contains(self.contenders[Int(contender)].kind) {
            self.walk.only = contender
        }
    }

    private mutating func enter(_ role: UInt32) {
        self.walk.steps.append(Walk.Step(role: role, firstCursor: self.walk.cursors.count))
        for index in self.walk.kinds.indices {
            let kind = self.walk.kinds[index]
            if self.siblings[Int(role)].isEmpty(kind) { continue }
            // Before any cursor of this node is read: it changes places.
            if self.policy.drawsTickets { self.catchUp(in: role, kind: kind) }
            self.walk.cursors.append(Walk.Cursor(kind: kind, place: 0))
        }
    }

    /// The next client of the walk in the policy's order; nil after the last.
    ///
    /// Nothing may change in the tree between two steps.
    mutating func nextClient() -> UInt32? {
        if let only = self.walk.only {
            self.walk.only = nil
            return only
        }
        while let step = self.walk.steps.last {
            guard let child = self.nextChild(of: step) else {
                self.walk.cursors.removeSubrange(step.firstCursor...)
                self.walk.steps.removeLast()
                continue
            }
            guard self.contenders[Int(child)].isRole else { return child }
            // Nobody in a role at its limit need be looked at.
            if self.hasClaims, self.isFull(child) { continue }
            self.enter(child)
        }
        return nil
    }

    /// Whether two clients are preferred alike: where their ways down from the root part, the policy gives both the same place.
    func areEqual(_ client: UInt32, _ other: UInt32) -> Bool {
        var left = client
        while left != Self.root {
            var right = other
            while right != Self.root {
                if self[left].parent == self[right].parent {
                    return self.ranks[Int(left)].place == self.ranks[Int(right)].place
                }
                right = self[right].parent
            }
            left = self[left].parent
        }
        return false
    }

    /// The first of what the cursors of a step point at; those that point at it go on.
    private mutating func nextChild(of step: Walk.Step) -> UInt32? {
        var first: UInt32?
        for index in step.firstCursor..<self.walk.cursors.count {
            let cursor = self.walk.cursors[index]
            guard let child = self.siblings[Int(step.role)].child(cursor.place, in: cursor.kind) else { continue }
            if let best = first, best == child || self.ranks[Int(best)] < self.ranks[Int(child)] { continue }
            first = child
        }
        guard let first else { return nil }
        for index in step.firstCursor..<self.walk.cursors.count {
            let cursor = self.walk.cursors[index]
            guard self.siblings[Int(step.role)].child(cursor.place, in: cursor.kind) == first else { continue }
            self.walk.cursors[index].place += 1
        }
        return first
    }
}
