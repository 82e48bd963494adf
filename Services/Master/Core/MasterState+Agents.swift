import Model

// Agents: attaching, replacing an earlier attachment, losing the connection, being given up, returning.

extension MasterState.Cluster {
    /// A registration is the truth about its agent, if it is the latest one.
    func agentAttached(
        _ registration: AgentRegistration, sent: [AgentOrder], issuedEpoch: Epoch, relay: Row, index: UInt32
    ) {
        let seen = max(registration.epoch, issuedEpoch)
        if seen > self.epoch, seen <= MasterState.largestEpoch {
            self.higherEpoch = seen
            return
        }
        if let problem = self.problem(in: registration) {
            self.refuse(registration, problem, relay: relay, index: index)
            return
        }
        let known = self.row(for: registration, relay: relay)
        if let known, let problem = self.staleness(of: registration, for: known, relay: relay, index: index) {
            self.refuse(registration, problem, relay: relay, index: index)
            return
        }
        let agent = known ?? self.newAgent(registration)
        guard self.enter(agent, registration, relay: relay, index: index) else { return }
        self.adopt(registration, sent: sent, for: agent, isNew: known == nil, relay: relay, index: index)
    }

    private func problem(in registration: AgentRegistration) -> String? {
        if let id = registration.agentID, let problem = Validation.identifier(id.rawValue, of: "agent id") {
            return problem
        }
        if registration.epoch > MasterState.largestEpoch { return "epoch \(registration.epoch) cannot be" }
        return registration.hostname.isEmpty ? "an agent needs a hostname" : nil
    }

    /// The agent that registers, if it is known.
    private func row(for registration: AgentRegistration, relay: Row) -> Row? {
        if let id = registration.agentID { return self.agentRows[id] }
        // The answer to its first registration was lost: it gets the same id, not another.
        let endpoint = Endpoint(hostname: registration.hostname, sidePort: registration.sidePort)
        guard let agent = self.newcomers[endpoint],
            self.agents[agent].attachment.starts == registration.attachment.starts
        else { return nil }
        let entry = self.agents[agent]
        // Its relay lost the answer with its connection to us, or with its life.
        let isTheSame =
            entry.attachment == registration.attachment && !entry.isAttached
            && entry.relayName == self.relays[relay].name && registration.sidePort > 0
        return isTheSame || entry.attachment < registration.attachment ? agent : nil
    }

    /// Why a registration is older than what is known; nil if it is not.
    private func staleness(of registration: AgentRegistration, for agent: Row, relay: Row, index: UInt32) -> String? {
        let entry = self.agents[agent]
        if registration.attachment > entry.attachment { return nil }
        if registration.attachment == entry.attachment, entry.relayName == self.relays[relay].name {
            switch entry.condition {
            case .attached(let present, let presentIndex):
                if present == relay, presentIndex == index { return nil }
            case .disconnected, .unreachable: return nil
            }
        }
        return "Agent \(entry.id) has registered with attachment \(entry.attachment) since"
    }

    private func refuse(_ registration: AgentRegistration, _ reason: String, relay: Row, index: UInt32) {
        let entry = self.relays[relay]
        self.observe(.agentRefused(registration.agentID, relay: entry.name, reason: reason))
        self.effects.append(
            .sendToRelay(entry.peer, .agentRefused(index: index, registration.attachment, message: reason)))
    }

    private func newAgent(_ registration: AgentRegistration) -> Row {
        let id: AgentID
        if let given = registration.agentID {
            id = given
        } else {
            self.lastAgent += 1
            id = AgentID("\(self.epoch)-A\(self.lastAgent)")
        }
        let agent = self.agents.insert(
            AgentEntry(
                id: id, hash: Rendezvous.hash(id.rawValue), hostname: registration.hostname,
                sidePort: registration.sidePort, total: .init(), attributes: registration.attributes,
                mode: registration.mode, attachment: registration.attachment,
                condition: .disconnected, relayName: "", position: 0, knowsItsID: registration.agentID != nil))
        self.agentRows[id] = agent
        if registration.agentID == nil {
            self.newcomers[Endpoint(hostname: registration.hostname, sidePort: registration.sidePort)] = agent
        }
        return agent
    }

    /// Makes the relay's index mean the agent, in place of where it was before.
    private func enter(_ agent: Row, _ registration: AgentRegistration, relay: Row, index: UInt32) -> Bool {
        self.leaveSlot(of: agent)
        if self.agents[agent].isAttached { self.agents[agent].condition = .disconnected }
        guard self.enterSlot(index, of: relay, agent: agent) else {
            let peer = self.relays[relay].peer
            self.detach(agent)
            self.drop(peer, Refusal(.malformed, "Agent index \(index) is beyond \(self.settings.agentsPerRelay)"))
            return false
        }
        return true
    }

    /// An agent whose connection is gone: nothing more is offered of it, and its time runs.
    func detach(_ agent: Row) {
        guard !self.agents[agent].isUnreachable else { return }
        self.agents[agent].condition = .disconnected
        self.agents[agent].losses += 1
        self.observe(.agentDetached(self.agents[agent].id, relay: self.agents[agent].relayName))
        self.failAskers(of: agent)
        self.rescindOffers(ofAgent: agent)
        self.tellFacts(of: agent)
        let wasEmpty = self.agentDeadlines.nextDeadline == nil
        let deadline = self.now + self.settings.agentTimeout
        self.agentDeadlines.append(index: agent, stamp: self.agents[agent].losses, deadline: deadline)
        if wasEmpty { self.effects.append(.setTimer(.agentTimeout, at: deadline)) }
    }

    /// Gives up the agents that have been away long enough.
    ///
    /// Every framework hears of each. Where many go at once the rest waits for the next turn, so that other events get
    /// theirs in between.
    func expireAgents() {
        var left = max(1, self.settings.chunk * 10 / max(1, self.frameworks.count))
        while left > 0, let entry = self.agentDeadlines.popExpired(at: self.now) {
            guard self.isAway(entry) else { continue }
            self.giveUp(entry.index)
            left -= 1
        }
        self.agentDeadlines.dropFirst { !self.isAway($0) }
        if let next = self.agentDeadlines.nextDeadline { self.effects.append(.setTimer(.agentTimeout, at: next)) }
    }

    func isAway(_ entry: ExpiryQueue.Entry) -> Bool {
        guard let agent = self.agents.row(entry.index) else { return false }
        return agent.condition == .disconnected && agent.losses == entry.stamp
    }

    /// The agent is unreachable: its tasks are reported, its executors forgotten, its resources count no longer.
    private func giveUp(_ agent: Row) {
        let id = self.agents[agent].id
        self.adopting = agent
        var reported = 0
        for task in self.agents[agent].tasks.sorted() {
            let isOver = self.tasks[task].state.isTerminal || self.frameworks[self.tasks[task].framework].isTerminating
            self.forgetLaunch(of: task)
            if isOver {
                self.endTask(task, as: self.tasks[task].state)
                self.retire(task)
            } else {
                self.free(task)
                self.revocationEnded(of: task)
                self.leaveSlot(ofTask: task)
                self.tasks[task].state = .unreachable
                self.report(task, .unreachable, .agentRemoved, "Agent \(id) is unreachable")
                reported += 1
            }
        }
        self.dropExecutors(of: agent) { _ in true }
        self.adopting = nil
        self.total -= self.agents[agent].total.summable
        self.agents[agent].condition = .unreachable(since: self.now)
        self.answerQuestions(of: agent)
        self.agents[agent].owner = nil
        self.forgetNewcomer(agent)
        for (row, _) in self.frameworks { self.frameworks[row].filters.remove(agent: agent) }
        for (row, allocator) in self.allocators where agent < allocator.told {
            self.send(.agentRemoved(agent), toAllocator: row)
        }
        self.observe(.agentUnreachable(id, tasks: reported))
        for (_, framework) in self.frameworks {
            if let peer = framework.peer {
                self.effects.append(.sendToScheduler(peer, .failure(id, nil, status: nil)))
            }
        }
        self.unreachableOrder.append(index: agent, stamp: self.agents[agent].losses, deadline: self.now)
        self.unreachableCount += 1
        self.forgetUnreachable()
    }

    /// Keeps the memory of unreachable agents bounded.
    private func forgetUnreachable() {
        while self.unreachableCount > self.settings.unreachableAgents, let oldest = self.unreachableOrder.popFirst() {
            guard let entry = self.agents.row(oldest.index), entry.isUnreachable, entry.losses == oldest.stamp else {
                continue
            }
            for task in entry.tasks { self.retire(task) }
            self.agents.remove(oldest.index)
            self.agentRows[entry.id] = nil
            self.unreachableCount -= 1
        }
        self.unreachableOrder.dropFirst { stale in
            guard let entry = self.agents.row(stale.index) else { return true }
            return !entry.isUnreachable || entry.losses != stale.stamp
        }
    }

    /// The agent knows the id that it was given.
    func forgetNewcomer(_ agent: Row) {
        guard !self.agents[agent].knowsItsID else { return }
        self.agents[agent].knowsItsID = true
        let endpoint = Endpoint(hostname: self.agents[agent].hostname, sidePort: self.agents[agent].sidePort)
        if self.newcomers[endpoint] == agent { self.newcomers[endpoint] = nil }
    }
}
