internal import AllocatorCore
internal import Messages
internal import Model

/// An allocator over the simulated network.
public final class SimulatedAllocator: SimulatedProcess {
    private var state: AllocatorState?
    private var master: Network.Endpoint?

    override func begin() {
        self.state = AllocatorState(settings: AllocatorSettings(name: self.name), codec: ProtobufCodec())
        self.dialMaster()
    }

    override func died() {
        self.state = nil
        self.master = nil
    }

    private func dialMaster() {
        guard self.master == nil, let leader = self.cluster.leader, let hello = self.state?.hello else {
            return self.dialLater()
        }
        self.cluster.network.dial(from: self, to: leader, hello: hello) { answer in
            guard case .success((let endpoint, let welcome)) = answer else { return self.dialLater() }
            self.master = endpoint
            endpoint.received = { bytes in
                self.handle(.master(endpoint.peer, self.decode(MasterToAllocator.self, bytes)))
            }
            endpoint.closed = { _ in
                guard self.master === endpoint else { return }
                self.master = nil
                self.handle(.masterDisconnected(endpoint.peer))
                self.dialLater()
            }
            self.handle(.masterConnected(endpoint.peer, welcome))
        }
    }

    private func dialLater() {
        self.later(after: .milliseconds(Int64.random(in: 20...200, using: &self.cluster.random))) { self.dialMaster() }
    }

    private func handle(_ event: AllocatorState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [AllocatorState.Effect] = []
        self.state?.handle(event, at: self.cluster.queue.now, into: &effects)
        for effect in effects {
            switch effect {
            case .propose(_, let proposal): if let master { self.cluster.network.send(proposal, from: master) }
            case .close(_, let refusal):
                guard let master else { continue }
                self.master = nil
                self.cluster.network.close(master, refusal)
                self.dialLater()
            case .setTimer(let timer, let instant):
                self.setTimer(timer, at: instant) { self.handle(.timerFired(timer)) }
            case .cancelTimer(let timer): self.cancelTimer(timer)
            case .observe(let fact): self.cluster.trace(self.name, fact)
            }
        }
    }
}
