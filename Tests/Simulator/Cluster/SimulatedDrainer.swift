internal import Messages
internal import Model

/// Somebody who empties agents and puts them back, by way of whatever master leads.
///
/// Asks again until it is answered; what an answer promises is watched: an agent that said that it drains starts nothing
/// until it is active again.
public final class SimulatedDrainer: SimulatedProcess {
    private var steps: [(agent: Int, mode: AgentMode)] = []
    private var follower: SimulatedFollower?
    private var master: Network.Endpoint? { self.follower?.endpoint }
    private var rows: [AgentRow] = []
    /// Agents that have said that they drain, by name.
    private(set) var drained: Set<String> = []
    /// How many wishes were carried out.
    public private(set) var carriedOut = 0

    override func begin() {
        // Agent after agent: emptied, seen empty, and put back.
        for agent in self.cluster.agents.indices.prefix(3) {
            self.steps.append((agent, .draining(.init(bound: .seconds(2)))))
            self.steps.append((agent, .active))
        }
        self.later(after: .seconds(3)) {
            self.follower = SimulatedFollower(
                self, by: .looks, hello: { [name = self.name] in Hello(role: .operator, name: name) }
            ) { [unowned self] event in
                if case .welcomed(let endpoint, _) = event { self.connected(endpoint) }
            }
        }
    }

    private var hostname: String { self.steps.first.map { self.cluster.agents[$0.agent].name } ?? "" }

    override func died() { self.follower = nil }

    private func connected(_ endpoint: Network.Endpoint) {
        self.rows = []
        endpoint.received = { bytes in self.received(self.decode(OperatorResponse.self, bytes)) }
        self.cluster.network.send(OperatorRequest(id: 1, .agents), from: endpoint)
    }

    private func hangUp() {
        if self.steps.isEmpty { self.follower?.stop() } else { self.follower?.hangUp() }
    }

    private func received(_ response: OperatorResponse) {
        switch (response.id, response.kind) {
        case (1, .agent(let row)): self.rows.append(row)
        case (1, .done): self.order()
        case (2, .done):
            self.cluster.trace(self.name, "\(self.hostname): \(self.steps[0].mode) is done")
            self.carriedOut += 1
            if self.steps[0].mode != .active { self.drained.insert(self.hostname) }
            self.steps.removeFirst()
            self.hangUp()
        default: self.hangUp()
        }
    }

    private func order() {
        guard let master, let row = self.rows.first(where: { $0.hostname == self.hostname }), row.isAttached else {
            return self.hangUp()
        }
        let wanted = self.steps[0].mode
        if wanted == .active {
            guard row.isDrained else { return self.hangUp() }
            self.drained.remove(self.hostname)
        }
        self.cluster.network.send(OperatorRequest(id: 2, .setMode(row.id, wanted)), from: master)
    }

    /// Everything that was wanted is done.
    var isDone: Bool { self.steps.isEmpty }
}
