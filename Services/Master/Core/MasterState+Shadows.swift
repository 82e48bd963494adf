import Model

// Allocators that only watch: each is told a world of its own, in which what it proposes is carried out, and an operator may ask
// how that world compares with the real one.

extension MasterState.Cluster {
    /// Tells one allocator something; one that only watches, what that means in its world.
    func send(_ message: MasterToAllocator, toAllocator allocator: Row) {
        guard let shadow = self.allocators[allocator].shadow else {
            return self.effects.append(.sendToAllocator(self.allocators[allocator].peer, message))
        }
        if case .agent(let facts) = message, shadow.agents[facts.index] == nil {
            shadow.hear(message, inheriting: self.uses(of: facts.index), at: self.now)
        } else {
            shadow.hear(message, at: self.now)
        }
    }

    /// Whether one more allocator may watch; one that comes again takes its own place.
    func takesShadow(_ name: String) -> Bool {
        self.shadows.count < self.settings.shadows || self.shadows.contains { $0.name == name }
    }

    func beginShadow(of allocator: Row) {
        let entry = self.allocators[allocator]
        let shadow = ShadowLedger(name: entry.name, at: self.now)
        self.allocators[allocator].shadow = shadow
        self.shadows.append(shadow)
        self.observe(.shadowConnected(entry.peer, name: entry.name))
    }

    func endShadow(_ shadow: ShadowLedger, of peer: PeerID) {
        self.shadows.removeAll { $0 === shadow }
        self.effects.append(.cancelTimer(.shadow(peer)))
    }

    func advanceShadow(_ peer: PeerID) {
        guard case .allocator(let allocator)? = self.peers[peer] else { return }
        self.allocators[allocator].shadow?.timer = nil
        self.allocators[allocator].shadow?.advance(to: self.now)
    }

    /// Sends what has come about in the worlds of watching allocators.
    func sendFromShadows() {
        for (_, allocator) in self.allocators {
            guard let shadow = allocator.shadow else { continue }
            for message in shadow.messages { self.effects.append(.sendToAllocator(allocator.peer, message)) }
            shadow.messages.removeAll(keepingCapacity: shadow.messages.count < 4096)
            guard shadow.timer != shadow.nextEnd else { continue }
            shadow.timer = shadow.nextEnd
            if let end = shadow.nextEnd {
                self.effects.append(.setTimer(.shadow(allocator.peer), at: end))
            } else {
                self.effects.append(.cancelTimer(.shadow(allocator.peer)))
            }
        }
    }

    /// A framework answered an offer: with so many tasks, and this left.
    func tellShadows(answerOf framework: Row, tasks: Int, left: Resources, refusing refusal: Duration) {
        for shadow in self.shadows {
            shadow.answered(framework, tasks: tasks, left: left, refusing: refusal, at: self.now)
        }
    }

    /// What a framework holds has changed.
    func tellShadows(whatHolds framework: Row) {
        let entry = self.frameworks[framework]
        for shadow in self.shadows {
            shadow.holds(framework, used: entry.used, offered: entry.offered, at: self.now)
        }
    }

    /// What is in use of an agent, and by whom; offers are not.
    private func uses(of agent: Row) -> [(ShadowLedger.Holder, AgentHolding)] {
        let entry = self.agents[agent]
        return entry.tasks.filter { self.tasks[$0].isOccupying }.map { row in
            let task = self.tasks[row]
            return (
                .task(row),
                AgentHolding(agent: agent, framework: task.framework, role: task.role, resources: task.resources)
            )
        }
            + entry.executors.map { row in
                let executor = self.executors[row]
                return (
                    .executor(row),
                    AgentHolding(
                        agent: agent, framework: executor.framework, role: executor.role,
                        resources: executor.resources)
                )
            }
    }

    /// How every watching allocator's world compares with the real one.
    func compare(_ request: UInt64, _ peer: PeerID) {
        for shadow in self.shadows {
            let report = shadow.report(at: self.now)
            self.answer(peer, request, .shadow(report.summary))
            for row in report.rows { self.answer(peer, request, .comparison(row)) }
        }
        self.answer(peer, request, .done)
    }
}
