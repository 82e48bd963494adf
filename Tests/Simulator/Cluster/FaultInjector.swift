internal import Model

/// Has the faults of a plan happen, and ends each in time.
final class FaultInjector {
    private unowned let cluster: SimulatedCluster
    private var cutOff: [String: Int] = [:]
    private var zooKeeperAbsences = 0

    init(_ cluster: SimulatedCluster) { self.cluster = cluster }

    func plan(_ faults: [Fault]) {
        for fault in faults {
            self.cluster.queue.schedule(at: SimulatedCluster.epoch + fault.after) { self.begin(fault) }
        }
    }

    func isCutOffFromZooKeeper(_ process: SimulatedProcess) -> Bool { self.cutOff[process.name] != nil }

    private func find(_ name: String) -> SimulatedProcess? { self.cluster.network.find(name) }

    private func find(_ names: [String]) -> [SimulatedProcess] { names.compactMap { self.find($0) } }

    private func after(_ duration: Duration, _ body: @escaping () -> Void) {
        self.cluster.queue.schedule(after: duration, body)
    }

    private func count(_ event: Coverage.Event) { self.cluster.coverage.count(event) }

    private func begin(_ fault: Fault) {
        self.cluster.trace("FAULT", fault)
        switch fault.kind {
        case .kill(let name): self.kill(name, fault.duration)
        case .dieInMidEvent(let name, let effects):
            // One that is too idle to die so is killed all the same.
            self.find(name)?.dieAfter(effects: effects)
            self.after(fault.duration) { self.kill(name, .milliseconds(10)) }
        case .freeze(let name): self.freeze(name, fault.duration)
        case .cut(let from, let to, let isOneWay): self.cut(from, to, isOneWay, fault.duration)
        case .reset: if self.cluster.network.breakOne() { self.count(.resets) }
        case .slow(let name, let delay):
            guard let process = self.find(name) else { return }
            self.count(.slowLinks)
            process.slowness += delay
            self.after(fault.duration) { process.slowness -= delay }
        case .clock(let name, let ahead, let drift):
            self.count(.clocksWrong)
            self.find(name)?.setClock(ahead: ahead, drift: drift)
        case .diskFull(let name): self.fill(name, fault.duration)
        case .zooKeeperAway: self.zooKeeperAway(fault.duration)
        case .zooKeeperCut(let name): self.zooKeeperCut(name, fault.duration)
        case .zooKeeperWiped:
            self.count(.zooKeeperWiped)
            self.cluster.zooKeeper.wipe()
        case .epochFileLost(let name):
            guard let master = self.find(name) as? SimulatedMaster, master.isUp else { return }
            self.count(.epochFilesLost)
            self.kill(name, fault.duration)
            master.loseEpochFile()
        case .relayCutOff(let relay, let masters, let restarts):
            self.count(.relayCuts)
            self.hold(apart: [relay], masters, isOneWay: false, fault.duration)
            if restarts { self.kill(relay, .milliseconds(200)) }
        case .staleOrders(let relay): (self.find(relay) as? SimulatedRelay)?.repeatStaleOrders()
        case .minority(let names):
            guard let leader = self.cluster.leader else { return }
            self.count(.minorities)
            for name in names + [leader.name] { self.cutOffFromZooKeeper(name, fault.duration) }
        case .delaySpike(let delay):
            self.count(.delaySpikes)
            self.cluster.network.slowness += delay
            self.after(fault.duration) { self.cluster.network.slowness -= delay }
        }
    }

    private func kill(_ name: String, _ duration: Duration) {
        guard let process = self.find(name), process.isUp else { return }
        self.count(.kills)
        self.end(process, duration)
    }

    private func end(_ process: SimulatedProcess, _ duration: Duration) {
        if process is SimulatedScheduler { self.count(.schedulerFailovers) }
        self.cluster.trace(process.name, "KILLED")
        process.kill()
        self.after(duration) {
            if !process.isUp { self.cluster.trace(process.name, "STARTED AGAIN") }
            process.start()
        }
    }

    /// It was to die between two effects, and has.
    func died(inMidEvent process: SimulatedProcess) {
        self.count(.deathsInMidEvent)
        self.end(process, .milliseconds(100))
    }

    /// Its log cannot be written: the agent gives up, and whoever keeps it starts it again.
    func writeFailed(_ agent: SimulatedAgent) {
        self.count(.writesFailed)
        self.end(agent, .milliseconds(500))
    }

    private func freeze(_ name: String, _ duration: Duration) {
        guard let process = self.find(name), process.isUp, !process.isFrozen else { return }
        self.count(.freezes)
        process.freeze()
        self.after(duration) { process.thaw() }
    }

    private func cut(_ from: [String], _ to: [String], _ isOneWay: Bool, _ duration: Duration) {
        self.count(isOneWay ? .oneWayCuts : .cuts)
        self.hold(apart: from, to, isOneWay: isOneWay, duration)
    }

    private func hold(apart from: [String], _ to: [String], isOneWay: Bool, _ duration: Duration) {
        let (from, to) = (self.find(from), self.find(to))
        self.cluster.network.cut(from, to)
        if !isOneWay { self.cluster.network.cut(to, from) }
        self.after(duration) {
            self.cluster.network.mend(from, to)
            if !isOneWay { self.cluster.network.mend(to, from) }
        }
    }

    private func fill(_ name: String, _ duration: Duration) {
        guard let agent = self.find(name) as? SimulatedAgent else { return }
        self.count(.disksFull)
        agent.disk.trouble = Bool.random(using: &self.cluster.random) ? .full : .broken
        self.after(duration) { agent.disk.trouble = nil }
    }

    private func zooKeeperAway(_ duration: Duration) {
        self.count(.zooKeeperAway)
        self.zooKeeperAbsences += 1
        self.cluster.zooKeeper.set(away: true)
        self.after(duration) {
            self.zooKeeperAbsences -= 1
            if self.zooKeeperAbsences == 0 { self.cluster.zooKeeper.set(away: false) }
        }
    }

    private func zooKeeperCut(_ name: String, _ duration: Duration) {
        self.count(.zooKeeperCut)
        self.cutOffFromZooKeeper(name, duration)
    }

    private func cutOffFromZooKeeper(_ name: String, _ duration: Duration) {
        guard let process = self.find(name) else { return }
        self.cutOff[name, default: 0] += 1
        process.reachabilityChanged()
        self.after(duration) {
            let rest = (self.cutOff[name] ?? 1) - 1
            self.cutOff[name] = rest > 0 ? rest : nil
            process.reachabilityChanged()
        }
    }
}
