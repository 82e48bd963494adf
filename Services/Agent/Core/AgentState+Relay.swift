public import Model

extension AgentState {
    /// Which life of the agent messages belong to now.
    public var attachment: Attachment { Attachment(starts: self.starts, connects: self.connects) }

    /// Relays in the order in which to try them: those in the directory, then those of the settings that it lacks.
    public var relayCandidates: [String] {
        let known = RelayChoice.order(self.relaysKnown, for: self.settings.name, avoiding: self.relaysAvoided)
        let rest = RelayChoice.order(
            self.settings.relays.filter { !self.relaysKnown.contains($0) }, for: self.settings.name,
            avoiding: self.relaysAvoided)
        return known + rest
    }

    /// What to say when dialling a relay.
    public var hello: Hello {
        var hello = Hello(role: .agent, name: self.settings.name)
        hello.epoch = self.epoch
        return hello
    }

    mutating func relayConnected(
        _ peer: PeerID, at address: String, _ welcome: Welcome, now: Instant, into effects: inout [Effect]
    ) {
        guard !self.isShuttingDown else { return effects.append(.close(peer, nil)) }
        if let old = self.link { effects.append(.close(old.peer, nil)) }
        self.link = Link(
            peer: peer, address: address, hearsResending: welcome.revision >= ProtocolRevision.ordered)
        self.relaysAvoided = []
        effects.append(
            .observe(.attached(relay: address, Attachment(starts: self.starts, connects: self.connects + 1))))
        self.attach(at: now, into: &effects)
        if !self.learn(relays: welcome.relays, at: now, into: &effects) { self.planHomecoming(at: now, into: &effects) }
    }

    mutating func relayDisconnected(_ peer: PeerID, into effects: inout [Effect]) {
        guard self.link?.peer == peer else { return }  // One that was left.
        self.link = nil
        self.stopRetries(into: &effects)
        effects.append(.cancelTimer(.homecoming))
        effects.append(.observe(.detached))
    }

    /// Begins a new attachment: says everything that is true, then every status that nobody acknowledged.
    ///
    /// The registration states the books as they are on disk, and the tasks whose acceptance is still being written: they
    /// may run. Entries of the books that reach the disk later follow it under higher positions.
    mutating func attach(at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link else { return }
        self.connects += 1
        self.link?.isRegistered = false
        self.untold = []  // The registration says it.
        self.isUntoldUrgent = false
        for piece in self.registration.pieces() { effects.append(.sendToRelay(link.peer, .registration(piece))) }
        for index in self.unconfirmedExits.indices {
            self.restateExit(at: index, into: &effects)
        }
        let resent = self.sendAllStatuses(of: nil, at: now, into: &effects)
        if resent > 0 { effects.append(.observe(.statusesResent(resent))) }
    }

    /// Everything the agent is and runs, under the present attachment.
    var registration: AgentRegistration {
        let frameworks = self.frameworks.values.filter { !$0.isIdle }.map(\.record).sorted { $0.id < $1.id }
        let live = self.executors.values.filter { self.executorRuns[$0.key] == $0.runID || $0.stage == .exited }
        let exited = self.unconfirmedExits.filter { self.executorRuns[$0.exit.key] == nil }.map(\.record)
        var executors: [ExecutorKey: ExecutorRecord] = [:]
        for record in exited + live.sorted(by: { $0.runID < $1.runID }).map(\.record) { executors[record.key] = record }
        return AgentRegistration(
            attachment: self.attachment, agentID: self.identity, hostname: self.settings.hostname,
            sidePort: self.settings.sidePort, total: self.settings.total,
            attributes: self.codec.encode(attributes: self.settings.attributes, hostname: self.settings.hostname),
            position: self.loggedPosition, tasks: self.tasks.values.map(\.record).sorted { $0.number < $1.number },
            executors: executors.values.sorted { $0.key < $1.key }, frameworks: frameworks, epoch: self.loggedEpoch,
            mode: self.loggedMode)
    }

    mutating func relaySaid(_ peer: PeerID, _ message: RelayToAgent, at now: Instant, into effects: inout [Effect]) {
        guard self.link?.peer == peer else { return }
        switch message {
        case .registered(let attachment, let id, let epoch):
            guard self.accepts(epoch, attachment, "registered", into: &effects) else { return }
            self.registered(id, by: epoch, into: &effects)
        case .refused(let attachment, let message):
            guard attachment == self.attachment else { return }
            self.leave(.refused(message: message), into: &effects)
            effects.append(.leaveRelay(nil))
            effects.append(.setTimer(.relayRetry, at: now + self.settings.refusedRetryInterval))
        case .order(let epoch, let attachment, let order):
            guard self.accepts(epoch, attachment, "order", into: &effects) else { return }
            self.ordered(order, at: now, into: &effects)
        case .bookConfirmed(let attachment, let position):
            guard attachment == self.attachment else { return }
            self.booksConfirmed(upTo: position, into: &effects)
        case .resend(let framework):
            if self.link?.hearsResending == true { effects.append(.sendToRelay(peer, .resending(framework))) }
            let resent = self.sendAllStatuses(of: framework, at: now, into: &effects)
            if resent > 0 { effects.append(.observe(.statusesResent(resent))) }
        case .directory(let relays, _): self.learn(relays: relays, at: now, into: &effects)
        case .goElsewhere(let message):
            if let link = self.link { self.relaysAvoided.insert(link.address) }
            self.leave(.movedOn(message: message), into: &effects)
            effects.append(.seekRelay)
        }
    }

    /// The fences: nothing of another life of this agent, nothing of a master that has a successor.
    private mutating func accepts(
        _ epoch: Epoch, _ attachment: Attachment, _ what: String, into effects: inout [Effect]
    ) -> Bool {
        guard attachment == self.attachment else {
            let reason = "\(what) for attachment \(attachment), now \(self.attachment)"
            effects.append(.observe(.orderIgnored(reason: reason)))
            return false
        }
        guard epoch >= self.epoch else {
            effects.append(.observe(.orderIgnored(reason: "\(what) of epoch \(epoch), now \(self.epoch)")))
            return false
        }
        if epoch > self.epoch {
            self.epoch = epoch
            self.append(.epochSeen(epoch), then: .epoch(epoch), into: &effects)
        }
        return true
    }

    private mutating func registered(_ id: AgentID, by epoch: Epoch, into effects: inout [Effect]) {
        guard self.identity == nil || self.identity == id else {
            let reason = "registered as \(id), which is not \(self.identity!)"
            return effects.append(.observe(.orderIgnored(reason: reason)))
        }
        if self.identity == nil {
            self.identity = id
            self.append(.identity(id), into: &effects)
        }
        self.link?.isRegistered = true
        effects.append(.observe(.registered(id, epoch)))
    }

    private mutating func leave(_ fact: AgentFact, into effects: inout [Effect]) {
        guard let link = self.link else { return }
        effects.append(.observe(fact))
        self.relayDisconnected(link.peer, into: &effects)
    }

    private mutating func ordered(_ order: AgentOrder, at now: Instant, into effects: inout [Effect]) {
        switch order {
        case .launch(let launch): self.launch(launch, at: now, into: &effects)
        case .kill(let key, let grace, let reason, let endsExecutor):
            let insistence = endsExecutor ? reason : nil
            self.killTask(key, grace: grace, insistence: insistence, at: now, into: &effects)
        case .shutdownExecutor(let key): self.shutdownExecutor(key, at: now, into: &effects)
        case .shutdownFramework(let id): self.shutdownFramework(id, at: now, into: &effects)
        case .message(let key, let data): self.messageForExecutor(key, data, into: &effects)
        case .acknowledge(let key, let uuid): self.acknowledge(key, uuid, at: now, into: &effects)
        case .setMode(let mode): self.set(mode, at: now, into: &effects)
        case .restate:
            if self.loggedEpoch < self.epoch { return self.onLogged(.restate) }
            self.attach(at: now, into: &effects)
        }
    }

    /// The master has everything up to `position`: what was only kept to be told can go.
    private mutating func booksConfirmed(upTo position: BookPosition, into effects: inout [Effect]) {
        let position = min(position, self.loggedPosition)
        guard position > self.confirmedPosition else { return }
        self.confirmedPosition = position
        let gone = self.removedTasks.take(upTo: position)
        let exits = self.unconfirmedExits.filter { $0.exit.position <= position }
        guard !gone.isEmpty || !exits.isEmpty else { return }  // Nothing that a later life could tell twice.
        self.append(.bookConfirmed(position), into: &effects)
        gone.forEach { self.forget(task: $0) }
        self.unconfirmedExits.removeAll { $0.exit.position <= position }
        exits.forEach { self.frameworks[$0.exit.key.framework]?.executors -= 1 }
    }

    mutating func forget(task number: UInt64) {
        guard let task = self.tasks.removeValue(forKey: number) else { return }
        if self.numbers[task.key] == number { self.numbers[task.key] = nil }
        self.frameworks[task.key.framework]?.tasks -= 1
    }

    // MARK: Which relay

    /// Takes a list of relays; whether it is news.
    @discardableResult
    mutating func learn(relays: [String], at now: Instant, into effects: inout [Effect]) -> Bool {
        guard !relays.isEmpty, Set(relays) != Set(self.relaysKnown) else { return false }
        self.relaysKnown = relays
        self.homecomingInterval = .zero
        self.planHomecoming(at: now, into: &effects)
        return true
    }

    /// An agent that is not where its name belongs returns there some time.
    private mutating func planHomecoming(at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link, let home = self.relayCandidates.first else { return }
        guard home != link.address, self.relaysKnown.contains(home) else {
            self.homecomingInterval = .zero
            return effects.append(.cancelTimer(.homecoming))
        }
        self.homecomingInterval = min(
            max(self.homecomingInterval * 2, self.settings.homecomingIntervalMin), self.settings.homecomingIntervalMax)
        let spread = Duration.nanoseconds(
            Int64.random(in: 0...self.homecomingInterval.nanoseconds, using: &self.random))
        effects.append(.setTimer(.homecoming, at: now + self.homecomingInterval + spread))
    }

    mutating func goHome(at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link, self.relayCandidates.first != link.address else { return }
        effects.append(.seekRelay)
    }
}
