import Model

// A relay that cannot reach the master while others can: its agents would be given up though they are well, so it sends them
// there. With no leader anywhere everybody stays where he is. One that has just started is no better off for having lost nothing:
// it knows the other relays from the coordination service, or from its flags.

extension RelayState {
    /// How it goes with a relay that has no master and knows of other relays.
    struct CutOff {
        /// When another relay last said that it follows a master; nil: none has, so nobody is sent away.
        var confirmed: Instant?
        /// Where sending the agents away goes on.
        var cursor: UInt32 = 0
    }

    /// All relays: as the last master named them, then those that are only listed.
    var knownRelays: [String] {
        self.directory.relays + self.listed.filter { !self.directory.relays.contains($0) }
    }

    private var others: [String] { self.knownRelays.filter { $0 != self.settings.address } }

    /// Agents are sent away, and none is admitted.
    var isSendingAway: Bool { self.cutOff?.confirmed != nil }

    /// The coordination service or the flags name the relays.
    ///
    /// What a master says goes before that; it matters while none does.
    mutating func relaysListed(_ relays: [String], at now: Instant, into effects: inout [Effect]) {
        self.listed = relays
        if self.link == nil { self.masterIsMissing(at: now, into: &effects) }
    }

    /// There is no master from now on.
    mutating func masterIsMissing(at now: Instant, into effects: inout [Effect]) {
        guard self.cutOff == nil, !self.others.isEmpty else { return }
        self.cutOff = CutOff()
        effects.append(.setTimer(.cutOff, at: now + self.settings.cutOffDelay))
    }

    /// There is a master again.
    mutating func masterIsBack(into effects: inout [Effect]) {
        guard let cutOff = self.cutOff.take() else { return }
        effects.append(.cancelTimer(.cutOff))
        if cutOff.confirmed != nil { effects.append(.cancelTimer(.leaving)) }
    }

    /// There is still no master: asks the others whether they have one.
    ///
    /// Whether one had a short while ago is forgotten then, lest agents be refused here that have nowhere else to go.
    mutating func askOthers(at now: Instant, into effects: inout [Effect]) {
        guard let cutOff = self.cutOff, self.link == nil else { return }
        if let confirmed = cutOff.confirmed, now - confirmed > self.settings.cutOffRetry * 3 {
            self.cutOff = CutOff()
            effects.append(.cancelTimer(.leaving))
        }
        effects.append(.askRelays(self.others))
        effects.append(.setTimer(.cutOff, at: now + self.settings.cutOffRetry))
    }

    /// What another relay answered: the epoch of the master that it follows.
    mutating func relayAnswered(_ address: String, _ epoch: Epoch, at now: Instant, into effects: inout [Effect]) {
        guard let cutOff = self.cutOff, self.link == nil, epoch > .none, epoch >= self.highestEpoch else { return }
        self.cutOff?.confirmed = now
        guard cutOff.confirmed == nil else { return }
        effects.append(.observe(.cutOff(from: epoch, reachedBy: address, agents: self.agents.count)))
        // Agents that are sent away are told where to; a master will tell the next relay better.
        self.updateDirectory(
            relays: self.knownRelays, masters: self.directory.masters, at: now, into: &effects)
        self.sendNextAway(at: now, into: &effects)
    }

    /// Sends the next agents away; not all at once, since the others have to take them.
    mutating func sendNextAway(at now: Instant, into effects: inout [Effect]) {
        guard self.isSendingAway, var cursor = self.cutOff?.cursor else { return }
        var sent = 0
        while cursor < self.agents.endIndex, sent < self.settings.leavingPerTurn {
            if self.agents.contains(cursor) {
                self.sendAway(cursor, into: &effects)
                sent += 1
            }
            cursor += 1
        }
        self.cutOff?.cursor = cursor
        if cursor < self.agents.endIndex {
            effects.append(.setTimer(.leaving, at: now + self.settings.leavingPause))
        }
    }

    mutating func sendAway(_ row: UInt32, into effects: inout [Effect]) {
        self.goElsewhere(row, because: "this relay is cut off from the master", into: &effects)
    }
}
