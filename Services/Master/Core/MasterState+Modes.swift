import Model

// What operators want of agents. An agent keeps it and says it with each registration; the master passes the wish on, and
// answers when the agent has it on its disk. So it outlives masters, and holds where there is none.

extension MasterState.Cluster {
    func modeAsked(_ id: AgentID, _ mode: AgentMode, _ request: UInt64, _ peer: PeerID) {
        guard let agent = self.agentRows[id] else {
            return self.answer(peer, request, .failure("Agent \(Validation.printable(id.rawValue)) is not known"))
        }
        guard self.agents[agent].isAttached else { return self.answer(peer, request, Self.away(id)) }
        if self.agents[agent].askers.isEmpty, self.agents[agent].mode.isSame(as: mode) {
            return self.answer(peer, request, .done)
        }
        self.agents[agent].askers.append(.init(peer: peer, request: request, mode: mode))
        self.send(.setMode(mode), to: agent)
    }

    private static func away(_ id: AgentID) -> OperatorResponse.Kind {
        .failure("Agent \(id) is away, and keeps such wishes itself: ask again when it is attached, or stop it there")
    }

    /// The agent has registered: who wanted what it says now has it; the others' wishes may have been lost on the way.
    func answerAskers(of agent: Row) {
        let (mode, askers) = (self.agents[agent].mode, self.agents[agent].askers)
        guard !askers.isEmpty else { return }
        let done = askers.firstIndex { $0.mode.isSame(as: mode) }
        for asker in askers[..<(done.map { $0 + 1 } ?? 0)] { self.answer(asker, .done) }
        self.agents[agent].askers.removeFirst(done.map { $0 + 1 } ?? 0)
        for asker in self.agents[agent].askers { self.send(.setMode(asker.mode), to: agent) }
    }

    /// The agent has gone, perhaps with the wish.
    func failAskers(of agent: Row) {
        for asker in self.agents[agent].askers { self.answer(asker, Self.away(self.agents[agent].id)) }
        self.agents[agent].askers = []
    }

    private func answer(_ asker: AgentEntry.Asker, _ kind: OperatorResponse.Kind) {
        guard case .operator? = self.peers[asker.peer] else { return }
        self.answer(asker.peer, asker.request, kind)
    }
}
