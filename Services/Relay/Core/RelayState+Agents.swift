import Model

extension RelayState {
    mutating func agentConnected(_ peer: PeerID, _ hello: Hello, at now: Instant, into effects: inout [Effect]) {
        self.agentPeers[peer] = AgentPeer(incarnation: hello.incarnation, revision: hello.revision)
        // Perhaps not on its disk yet, so its registration shows an earlier one; it obeys none below this all the same.
        self.seen(hello.epoch, at: now, into: &effects)
    }

    /// An agent tells what it is and runs, under a new attachment; perhaps in pieces.
    mutating func registrationCame(
        _ piece: AgentRegistration, from peer: PeerID, at now: Instant, into effects: inout [Effect]
    ) {
        guard self.agentPeers[peer] != nil else { return }
        var registration = piece
        var bytes = piece.isContinued ? piece.approximateBytes : 0
        // Taken out, so that appending copies nothing.
        if var earlier = self.agentPeers[peer]!.partial.take(), earlier.attachment == piece.attachment {
            bytes = self.agentPeers[peer]!.partialBytes + piece.approximateBytes
            earlier.append(piece)
            registration = earlier
        }
        guard bytes <= AgentRegistration.largestBytes else {
            let limit = AgentRegistration.largestBytes >> 20
            return self.refuse(
                peer, Refusal(.malformed, "a registration may hold \(limit) MiB; this one holds more"), into: &effects)
        }
        if registration.isContinued {
            self.agentPeers[peer]!.partial = registration
            self.agentPeers[peer]!.partialBytes = bytes
        } else {
            self.register(peer, registration, at: now, into: &effects)
        }
    }

    private mutating func register(
        _ peer: PeerID, _ registration: AgentRegistration, at now: Instant, into effects: inout [Effect]
    ) {
        guard let caller = self.agentPeers[peer] else { return }
        let earlier = self.row(ofEarlierLife: registration, caller: caller)
        if let own = caller.index, own != earlier {
            self.agentPeers[peer]!.index = nil
            self.detach(own, into: &effects)
        }
        if let earlier, self.agents[earlier].attachment >= registration.attachment {
            let known = self.agents[earlier].attachment
            self.refuse(
                peer, Refusal(.stale, "attachment \(registration.attachment) is not above \(known)"), into: &effects)
            return
        }
        var entry = AgentEntry(
            peer: peer, incarnation: caller.incarnation, revision: caller.revision, registration: registration)
        for framework in registration.frameworks {
            self.remember(framework.id, info: framework.info, replacing: false)
        }
        let row: UInt32
        if let earlier {
            // The same agent on a new connection, or again on this one: it keeps its index, and sends all statuses anew.
            row = earlier
            let before = self.agents[row]
            entry.issuedEpoch = before.issuedEpoch
            self.held.removeAll(ofAgent: row)
            self.unindex(row)
            self.expectNothing(more: before, row)
            self.agents[row] = entry
            if before.peer != peer {
                self.agentPeers[before.peer] = nil
                let refusal = Refusal(.stale, "attachment \(registration.attachment) replaces this connection")
                effects += [.close(before.peer, refusal), .observe(.peerClosed(before.peer, refusal))]
            }
        } else {
            let over = self.link?.over ?? [:]
            // With twice as many indices as agents the longest vacant is from long ago, and masters bound how many there are.
            row = self.agents.insert(entry, below: 2 * self.settings.maxAgents) { index in
                over[index].map { $0 < registration.attachment } ?? true
            }
        }
        if let id = registration.agentID { self.agentsByID[id] = row }
        if !caller.incarnation.isEmpty { self.agentsByIncarnation[caller.incarnation] = row }
        self.agentPeers[peer]!.index = row
        effects.append(.observe(.agentAttached(registration.agentID, registration.attachment, peer)))
        self.tellDirectory(to: row, into: &effects)
        self.seen(registration.epoch, at: now, into: &effects)
        if self.isSendingAway { self.sendAway(row, into: &effects) }
        if self.link != nil { self.announce(row, into: &effects) }
    }

    /// The row of the same agent as it was attached before: by its id, or by its connection or process if it has none.
    private func row(ofEarlierLife registration: AgentRegistration, caller: AgentPeer) -> UInt32? {
        if let id = registration.agentID, let row = self.agentsByID[id] { return row }
        return caller.index ?? self.agentsByIncarnation[caller.incarnation]
    }

    /// Takes a row out of the indices over the agents.
    private mutating func unindex(_ row: UInt32) {
        if let id = self.agents[row].id, self.agentsByID[id] == row { self.agentsByID[id] = nil }
        let incarnation = self.agents[row].incarnation
        if self.agentsByIncarnation[incarnation] == row { self.agentsByIncarnation[incarnation] = nil }
    }

    /// Tells the master of an agent.
    mutating func announce(_ row: UInt32, into effects: inout [Effect]) {
        guard let link = self.link else { return }
        self.agents[row].announcedOn = link.number
        let registration = self.agents[row].currentRegistration { id in
            self.frameworksByID[id].flatMap { self.frameworks[$0].info.isEmpty ? nil : self.frameworks[$0].info }
        }
        let pieces = RelayToMaster.agentAttached(
            index: row, registration, sent: self.agents[row].unconfirmedLaunches,
            issuedEpoch: self.agents[row].issuedEpoch, pieceBytes: AgentRegistration.pieceBytes)
        for piece in pieces { self.tellMaster(piece, on: link.peer, into: &effects) }
    }

    mutating func agentDisconnected(_ peer: PeerID, into effects: inout [Effect]) {
        guard let row = self.agentPeers.removeValue(forKey: peer)?.index else { return }
        self.detach(row, into: &effects)
    }

    /// Forgets an agent, which will attach again here or elsewhere and tell everything anew.
    private mutating func detach(_ row: UInt32, into effects: inout [Effect]) {
        self.held.removeAll(ofAgent: row)
        self.unindex(row)
        let entry = self.agents.remove(row)
        self.expectNothing(more: entry, row)
        effects.append(.observe(.agentDetached(entry.id, entry.attachment)))
        if let link = self.link, entry.announcedOn == link.number {
            self.tellMaster(.agentDetached(index: row, entry.attachment), on: link.peer, into: &effects)
            self.link!.over[row] = max(self.link!.over[row] ?? entry.attachment, entry.attachment)
        }
    }

    /// What the agent was asked for it sends anew, where it attaches.
    private mutating func expectNothing(more entry: AgentEntry, _ row: UInt32) {
        for framework in entry.overflowing where self.frameworks.contains(framework) {
            self.frameworks[framework].asked.remove(row)
        }
    }

    /// Ends an agent's connection.
    mutating func refuse(_ peer: PeerID, _ refusal: Refusal, into effects: inout [Effect]) {
        let row = self.agentPeers.removeValue(forKey: peer)?.index
        effects += [.close(peer, refusal), .observe(.peerClosed(peer, refusal))]
        if let row { self.detach(row, into: &effects) }
    }

    /// The row of the agent that sends; one that did not register breaks the rules of the link.
    mutating func registered(_ peer: PeerID, into effects: inout [Effect]) -> UInt32? {
        guard let caller = self.agentPeers[peer] else { return nil }
        if let row = caller.index { return row }
        self.refuse(peer, Refusal(.malformed, "an agent registers before it says anything else"), into: &effects)
        return nil
    }

    /// A change of an agent's books passes to the master, and into what a new master will be told.
    mutating func book(_ entry: BookEntry, from peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let row = self.registered(peer, into: &effects) else { return }
        self.counters.bookEntries += 1
        self.agents[row].apply(entry)
        if entry.change.isEnd, !self.agents[row].outbox.acknowledgements.isEmpty {
            self.scheduleSoon(outboxOf: row, at: now, into: &effects)
        }
        // A master that was not told of the agent yet will find the entry in its registration.
        guard let link = self.link, self.agents[row].announcedOn == link.number else { return }
        let message = RelayToMaster.book(index: row, self.agents[row].attachment, entry)
        if entry.change.isEnd {
            self.tellMaster(message, on: link.peer, into: &effects)
        } else {
            self.tellMasterSoon(message, at: now, into: &effects)
        }
    }

    /// An executor's message to its scheduler: best effort, as everywhere.
    mutating func message(_ key: ExecutorKey, _ data: Bytes, from peer: PeerID, into effects: inout [Effect]) {
        guard let row = self.registered(peer, into: &effects) else { return }
        self.counters.messages += 1
        let scheduler = self.frameworksByID[key.framework].flatMap { self.frameworks[$0].scheduler }
        if let scheduler, let id = self.agents[row].id {
            effects.append(.sendToScheduler(scheduler, .message(id, key.executor, data)))
        } else if let link = self.link, self.agents[row].announcedOn == link.number {
            self.tellMaster(.message(index: row, key, data), on: link.peer, into: &effects)
        } else {
            effects.append(.observe(.messageDropped(key)))
        }
    }
}
