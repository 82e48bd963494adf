import Model

/// What is proposed, and neither held nor refused yet: few at any time, in the order in which the master will answer.
struct ProposalTable {
    static let none = UInt32.max

    struct Proposal {
        let number: UInt64
        let client: UInt32
        /// The client's.
        let serial: UInt32
        /// As it was sent: the master's answer repeats it, even if the framework's number means another by then.
        let framework: UInt32
        let roleName: String
        let resources: Resources
        /// Which message of the master was the last before it.
        let madeAfter: UInt64
        /// The next of the same agent.
        fileprivate(set) var next = ProposalTable.none
    }

    private var rows: [Proposal] = []
    private var vacant: [UInt32] = []

    subscript(row: UInt32) -> Proposal { self.rows[Int(row)] }

    /// Takes from what an agent has free all that is proposed of it.
    func subtract(from free: inout Resources, startingAt first: UInt32) {
        var row = first
        while row != Self.none {
            free -= self.rows[Int(row)].resources
            row = self.rows[Int(row)].next
        }
    }

    mutating func append(_ proposal: Proposal, to first: inout UInt32) {
        let row = self.vacant.popLast() ?? UInt32(self.rows.count)
        if row < self.rows.count { self.rows[Int(row)] = proposal } else { self.rows.append(proposal) }
        guard first != Self.none else {
            first = row
            return
        }
        var last = first
        while self.rows[Int(last)].next != Self.none { last = self.rows[Int(last)].next }
        self.rows[Int(last)].next = row
    }

    /// Takes out the proposal that the master's word of a holding answers.
    ///
    /// The master answers in order, and only the owner's proposals are accepted; so the first that matches is meant.
    mutating func take(answeredBy holding: AgentHolding, from first: inout UInt32) -> Proposal? {
        self.take(from: &first) { rows, row in
            rows[row].framework == holding.framework && rows[row].resources == holding.resources
                && rows[row].roleName == holding.role
        }
    }

    /// Takes out the proposal of that number.
    mutating func take(numbered number: UInt64, from first: inout UInt32) -> Proposal? {
        self.take(from: &first) { rows, row in rows[row].number == number }
    }

    /// Takes out all of an agent.
    mutating func takeAll(from first: inout UInt32) -> [Proposal] {
        var all: [Proposal] = []
        while let proposal = self.take(from: &first, where: { _, _ in true }) { all.append(proposal) }
        return all
    }

    private mutating func take(from first: inout UInt32, where matches: ([Proposal], Int) -> Bool) -> Proposal? {
        var previous = Self.none
        var row = first
        while row != Self.none, !matches(self.rows, Int(row)) {
            previous = row
            row = self.rows[Int(row)].next
        }
        guard row != Self.none else { return nil }
        let proposal = self.rows[Int(row)]
        if previous == Self.none { first = proposal.next } else { self.rows[Int(previous)].next = proposal.next }
        self.vacant.append(row)
        return proposal
    }
}
