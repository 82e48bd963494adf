import Model

// Several schedulers of one framework: one is active, the others wait, and know for what (Hindman et al., NSDI 2011, 3.6).

extension MasterState.Cluster {
    /// Whether a scheduler that was active under an earlier leadership may still be on its way here.
    var awaitsActiveSchedulers: Bool { self.now < self.elected + self.settings.standbyPatience }

    /// Makes a peer wait to speak for a framework, and tells it where it stands.
    func wait(_ peer: PeerID, for framework: Row, _ subscribe: SchedulerCall.Subscribe) {
        guard case .newScheduler(let arrival) = self.peers[peer] else { return }
        self.frameworks[framework].standbys.append(.init(peer: peer, subscribe: subscribe))
        self.peers[peer] = .standbyScheduler(framework, arrival: arrival)
        self.observe(.schedulerWaits(self.frameworks[framework].id, peer))
        self.tellStandby(self.frameworks[framework].standbys.count - 1, of: framework)
        self.effects.append(
            .setTimer(.schedulerHeartbeat(peer), at: self.now + self.settings.schedulerHeartbeatInterval))
        guard self.frameworks[framework].peer == nil else { return }
        self.effects.append(.setTimer(.standbys, at: self.elected + self.settings.standbyPatience))
    }

    /// A standby waits no longer: those behind it move up.
    func standbyLeft(_ peer: PeerID, _ framework: Row) {
        self.frameworks[framework].standbys.removeAll { $0.peer == peer }
        self.effects.append(.cancelTimer(.schedulerHeartbeat(peer)))
        self.tellStandbys(of: framework)
    }

    /// No active scheduler has come to this new master in time: the first standbys take over.
    func endAwaitingActiveSchedulers() {
        for (framework, entry) in self.frameworks where entry.peer == nil && !entry.isTerminating {
            guard let next = entry.standbys.first else { continue }
            self.connect(next.peer, to: framework, next.subscribe)
        }
    }

    /// Who is active, or who waits, has changed.
    func tellStandbys(of framework: Row) {
        for position in self.frameworks[framework].standbys.indices { self.tellStandby(position, of: framework) }
    }

    private func tellStandby(_ position: Int, of framework: Row) {
        let entry = self.frameworks[framework]
        let place = entry.info.hostname.isEmpty ? entry.info.name : entry.info.hostname
        let standby = SchedulerEvent.Standby(
            frameworkID: entry.id, place: UInt32(position + 1), active: entry.peer == nil ? nil : place)
        self.effects.append(.sendToScheduler(entry.standbys[position].peer, .standby(standby)))
    }
}
