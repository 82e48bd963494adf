import MasterCore
import Model
import Testing

/// A small cluster whose every part acts at random, from one seed: relays and schedulers come and go, agents start, end
/// and forget tasks, orders get lost with their connections, allocators propose sense and nonsense.
///
/// The stage checks the master's books after each event; this class checks what they mean for the agents.
private final class Storm {
    /// An agent as it is, whatever the master believes.
    final class Agent {
        let hostname: String
        let total: Resources = "cpus:4;mem:4096;ports:[1-20]"
        var id: AgentID?
        var connects: UInt64 = 0
        var epoch: Epoch = .none
        var position: BookPosition = 0
        var lastNumber: UInt64 = 0
        var relay: PeerID?
        var tasks: [TaskRecord] = []
        var executors: [ExecutorRecord] = []
        var inbox: [AgentOrder] = []

        init(_ hostname: String) { self.hostname = hostname }

        var held: Resources {
            self.tasks.filter { !$0.state.isTerminal }.reduce(Resources()) { $0 + $1.resources }
                + self.executors.reduce(Resources()) { $0 + $1.resources }
        }
    }

    let stage: Stage
    var random: SeededGenerator
    var relays: [PeerID] = []
    var allocators: [PeerID] = []
    var shadows: [PeerID] = []
    var schedulers: [(peer: PeerID, id: FrameworkID)] = []
    var frameworks: [FrameworkID] = []
    var offers: [Offer] = []
    let agents = (0..<8).map { Agent("h\($0)") }
    var lastTask = 0
    var launched = 0
    private var heard = 0

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
        self.stage = Stage {
            $0.chunk = 3
            $0.unreachableAgents = 2
            $0.filtersPerFramework = 3
            var role = RoleFacts(role: "eng")
            role.limit = "cpus:9"
            role.guarantee = "cpus:3"
            $0.policy.roles = [role]
        }
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.random) < percent }

    /// Takes in what the master said in the last step.
    private func listen() {
        guard self.heard < self.stage.steps else { return }
        self.heard = self.stage.steps
        for effect in self.stage.said {
            switch effect {
            case .sendToScheduler(_, .offers(let offers)): self.offers += offers
            case .sendToRelay(let relay, .order(let index, let attachment, let order)):
                let agent = self.agents[Int(index)]
                if agent.relay == relay, agent.connects == attachment.connects { agent.inbox.append(order) }
            case .sendToRelay(let relay, .agentAccepted(let index, let attachment, let id)):
                let agent = self.agents[Int(index)]
                if agent.relay == relay, agent.connects == attachment.connects { agent.id = id }
            case .close(let peer, _): self.gone(peer)
            case .observe(.frameworkRemoved(let id, _)): self.frameworks.removeAll { $0 == id }
            default: break
            }
        }
        if self.offers.count > 20 { self.offers.removeFirst(10) }
    }

    private func gone(_ peer: PeerID) {
        self.relays.removeAll { $0 == peer }
        self.allocators.removeAll { $0 == peer }
        self.shadows.removeAll { $0 == peer }
        self.schedulers.removeAll { $0.peer == peer }
        for agent in self.agents where agent.relay == peer {
            agent.relay = nil
            agent.inbox = []
        }
    }

    func act() {
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<1: self.upset()
        case 1..<3: if self.relays.count < 2 { self.relays.append(self.stage.relay("r\(self.chance(50) ? 1 : 2)")) }
        case 3..<5:
            if self.allocators.count < 2 { self.allocators.append(self.stage.allocator("a\(self.chance(50) ? 1 : 2)")) }
        case 5..<8: if self.schedulers.count < 5 { self.subscribe() }
        case 8..<14: self.attach()
        case 14..<40: self.propose()
        case 40..<60: self.accept()
        case 60..<63: self.call()
        case 63..<97: self.work()
        case 97..<98: self.revoke()
        case 98: self.watch()
        default: self.stage.wait(.milliseconds(Int.random(in: 1...5000, using: &self.random)))
        }
        self.listen()
    }

    /// Somebody goes away.
    private func upset() {
        switch Int.random(in: 0..<8, using: &self.random) {
        case 0: if let peer = self.relays.randomElement(using: &self.random) { self.lose(peer) }
        case 1: if let peer = (self.allocators + self.shadows).randomElement(using: &self.random) { self.lose(peer) }
        case 2, 3:
            if let scheduler = self.schedulers.randomElement(using: &self.random) { self.lose(scheduler.peer) }
        case 4: self.stage.wait(.seconds(Int.random(in: 1...100, using: &self.random)))
        default: self.detach()
        }
    }

    private func lose(_ peer: PeerID) {
        self.gone(peer)
        self.stage.step(.peerDisconnected(peer))
    }

    /// An allocator that only watches comes, or proposes something.
    private func watch() {
        if self.shadows.isEmpty || self.chance(5) {
            return self.shadows.append(self.stage.shadow("s\(self.chance(50) ? 1 : 2)"))
        }
        guard let shadow = self.shadows.randomElement(using: &self.random) else { return }
        if self.chance(5) { return self.lose(shadow) }
        for _ in 0..<10 {
            guard let agent = self.agents.randomElement(using: &self.random)?.id,
                let framework = self.frameworks.randomElement(using: &self.random)
            else { continue }
            let cpus = Int64.random(in: 0...4000, using: &self.random)
            self.stage.propose(
                shadow, agent, Resources(milliCPU: cpus, milliMB: 1_024_000), for: framework,
                role: self.chance(50) ? "*" : "eng")
        }
    }

    private func subscribe() {
        let known = self.chance(70) ? self.frameworks.randomElement(using: &self.random) : nil
        let standby = self.chance(30)
        let capabilities: Set<FrameworkCapability> = self.chance(50) ? [.partitionAware] : []
        let (peer, id) = self.stage.scheduler(
            "f", id: known, capabilities, relays: self.chance(50), standby: standby
        ) { $0.roles = ["*", "eng"] }
        self.listen()
        guard !id.rawValue.isEmpty else { return }
        self.schedulers.append((peer, id))
        if !self.frameworks.contains(id) { self.frameworks.append(id) }
    }

    private func attach() {
        let index = Int.random(in: 0..<self.agents.count, using: &self.random)
        guard let relay = self.relays.randomElement(using: &self.random) else { return }
        if self.agents[index].relay != nil, self.chance(80) { return }
        let agent = self.agents[index]
        // Orders that its relay wrote may have arrived, or have gone with the connection.
        if self.chance(50) { self.work(agent) }
        agent.inbox = []
        agent.connects += 1
        agent.relay = relay
        agent.tasks.removeAll { $0.isRemoved }
        self.register(agent, at: index)
    }

    private func register(_ agent: Agent, at index: Int) {
        guard let relay = agent.relay else { return }
        self.stage.attach(
            agent.hostname, agent.total, id: agent.id, via: relay, at: UInt32(index), connects: agent.connects,
            tasks: agent.tasks, executors: agent.executors, position: agent.position, epoch: agent.epoch)
    }

    private func detach() {
        guard let index = self.agents.indices.randomElement(using: &self.random), let relay = self.agents[index].relay
        else { return }
        let attachment = Attachment(starts: 1, connects: self.agents[index].connects)
        self.agents[index].relay = nil
        self.agents[index].inbox = []
        self.stage.step(.relay(relay, .agentDetached(index: UInt32(index), attachment)))
    }

    private func propose() {
        guard let allocator = self.allocators.randomElement(using: &self.random),
            let facts = self.stage.facts[allocator]?.values.sorted(by: { $0.id < $1.id }),
            let id = facts.filter({ $0.isOwned }).randomElement(using: &self.random)?.id ?? facts.first?.id,
            let framework = self.frameworks.randomElement(using: &self.random)
        else { return }
        let amounts: [Resources] = [
            "cpus:1;mem:512", "cpus:2;mem:1024;ports:[1-5]", "cpus:4", "cpus:99", "ports:[5-9]",
        ]
        self.stage.propose(
            allocator, id, amounts.randomElement(using: &self.random)!, for: framework,
            role: self.chance(50) ? "*" : "eng")
    }

    private func accept() {
        guard let scheduler = self.schedulers.randomElement(using: &self.random),
            let offer = self.offers.suffix(self.chance(80) ? 4 : 20).randomElement(using: &self.random)
        else { return }
        let owner = self.chance(90) ? self.schedulers.first { $0.id == offer.frameworkID } ?? scheduler : scheduler
        var ids = [offer.id]
        if self.chance(10), let other = self.offers.randomElement(using: &self.random) { ids.append(other.id) }
        if self.chance(25) {
            self.stage.call(owner.peer, owner.id, .decline(ids, .init(refuse: .seconds(self.chance(50) ? 0 : 5))))
            return
        }
        self.lastTask += 1
        let id = TaskID("t\(self.chance(90) ? self.lastTask : 1)")
        let amount: Resources = self.chance(30) ? offer.resources : "cpus:1;mem:256"
        let kind: SchedulerCall.Kind =
            switch Int.random(in: 0..<3, using: &self.random) {
            case 0: launch(task(id, on: offer.agentID, amount), from: ids[0])
            case 1: launch(task(id, on: offer.agentID, amount, in: executor("e1", "cpus:0.5")), from: ids[0])
            default:
                group(
                    executor("e2", "cpus:0.5"), task(id, on: offer.agentID, "cpus:0.5"),
                    task(TaskID("\(id)b"), on: offer.agentID, "cpus:0.5"), from: ids[0])
            }
        self.stage.call(owner.peer, owner.id, kind)
    }

    private func call() {
        guard let scheduler = self.schedulers.randomElement(using: &self.random) else { return }
        let task = TaskID("t\(Int.random(in: 0...self.lastTask, using: &self.random))")
        let calls: [SchedulerCall.Kind] = [
            .kill(task, nil, grace: nil), .kill(task, nil, grace: nil), .reconcile([]), .reconcile([.init(task)]),
            .revive(roles: []), .suppress(roles: ["eng"]), .shutdown("e1", self.agents[0].id ?? "x"),
            self.chance(20) ? .teardown : .revive(roles: []),
        ]
        self.stage.call(scheduler.peer, scheduler.id, calls.randomElement(using: &self.random)!)
    }

    private func revoke() {
        guard let allocator = self.allocators.randomElement(using: &self.random),
            let agent = self.agents.randomElement(using: &self.random), let id = agent.id,
            let facts = self.stage.facts[allocator]?[id], let task = agent.tasks.randomElement(using: &self.random),
            let victim = self.stage.frameworkRows[task.key.framework],
            let other = self.frameworks.randomElement(using: &self.random),
            let beneficiary = self.stage.frameworkRows[other]
        else { return }
        self.stage.step(
            .allocator(
                allocator,
                .revocation(
                    Revocation(
                        proposal: 1, agent: facts.index, ownership: facts.ownership, victim: victim,
                        taskID: task.key.task, beneficiary: beneficiary, grace: .seconds(5)))))
    }

    // MARK: Agents

    private func work() { self.work(self.agents.randomElement(using: &self.random)!) }

    /// An agent carries out an order, or something happens to one of its tasks.
    private func work(_ agent: Agent) {
        if let order = agent.inbox.first {
            agent.inbox.removeFirst()
            return self.carryOut(order, agent)
        }
        agent.tasks.removeAll { $0.isRemoved }
        if agent.tasks.allSatisfy({ $0.state.isTerminal }) { self.endIdleExecutor(agent) }
        guard let place = agent.tasks.indices.randomElement(using: &self.random) else { return }
        var task = agent.tasks[place]
        if task.state.isTerminal {
            agent.tasks[place].isRemoved = true
            return self.log(agent, .taskRemoved(number: task.number))
        }
        task.state = task.state == .staging ? .running : self.chance(60) ? .finished : .running
        agent.tasks[place] = task
        self.log(agent, .task(task))
    }

    private func endIdleExecutor(_ agent: Agent) {
        guard let executor = agent.executors.first else { return }
        agent.executors.removeFirst()
        self.log(agent, .executorExited(executor.key, status: 0, message: ""))
    }

    private func carryOut(_ order: AgentOrder, _ agent: Agent) {
        switch order {
        case .launch(let order):
            let group = order.groupExecutor.isEmpty ? nil : self.stage.codec.executor(order.groupExecutor)
            for launched in order.tasks {
                let info = self.stage.codec.task(launched.info)!
                let key = TaskKey(order.frameworkID, launched.taskID)
                #expect(!agent.tasks.contains { $0.key == key && !$0.isRemoved }, "\(key) is launched twice")
                agent.lastNumber += 1
                self.launched += 1
                let executor = group ?? info.executor
                let record = TaskRecord(
                    number: agent.lastNumber, key: key, name: info.name, executorID: executor?.executorID,
                    resources: info.resources, role: order.role)
                agent.tasks.append(record)
                self.log(agent, .task(record))
                let executorKey = executor.map { ExecutorKey(order.frameworkID, $0.executorID) }
                if let executor, let executorKey, !agent.executors.contains(where: { $0.key == executorKey }) {
                    let record = ExecutorRecord(key: executorKey, resources: executor.resources, role: order.role)
                    agent.executors.append(record)
                    self.log(agent, .executor(record))
                }
            }
            #expect(agent.total.contains(agent.held), "\(agent.hostname) runs \(agent.held)")
        case .kill(let key, _, _, _):
            guard let place = agent.tasks.firstIndex(where: { $0.key == key && !$0.state.isTerminal }) else { return }
            agent.tasks[place].state = .killed
            self.log(agent, .task(agent.tasks[place]))
        case .setMode: break  // No operator is in this.
        case .restate:
            agent.epoch = 7
            agent.connects += 1
            self.register(agent, at: self.agents.firstIndex { $0 === agent }!)
            self.listen()
        case .shutdownFramework(let id):
            for place in agent.tasks.indices where agent.tasks[place].key.framework == id {
                if !agent.tasks[place].state.isTerminal {
                    agent.tasks[place].state = .killed
                    self.log(agent, .task(agent.tasks[place]))
                }
                agent.tasks[place].isRemoved = true
            }
            for executor in agent.executors where executor.key.framework == id {
                agent.executors.removeAll { $0.key == executor.key }
                self.log(agent, .executorExited(executor.key, status: 0, message: ""))
            }
        case .shutdownExecutor, .message, .acknowledge: break
        }
    }

    /// Writes a change into the agent's books; the master hears of it if it can.
    private func log(_ agent: Agent, _ change: BookEntry.Change) {
        agent.position += 1
        guard let relay = agent.relay, let index = self.agents.firstIndex(where: { $0 === agent }) else { return }
        self.stage.book(relay, at: UInt32(index), connects: agent.connects, agent.position, change)
        self.listen()
    }

    // MARK: The calm after it

    /// Everybody is connected, every order is carried out: the master's books must be those of the agents.
    func settle() {
        for peer in self.relays { self.lose(peer) }
        self.relays = [self.stage.relay("r9")]
        for (index, agent) in self.agents.enumerated() {
            agent.inbox = []
            agent.connects += 1
            agent.relay = self.relays[0]
            agent.tasks.removeAll { $0.isRemoved }
            self.register(agent, at: index)
            self.listen()
        }
        while let agent = self.agents.first(where: { !$0.inbox.isEmpty }) { self.work(agent) }
        self.stage.wait(.seconds(31))
        self.listen()
        while let agent = self.agents.first(where: { !$0.inbox.isEmpty }) { self.work(agent) }
        let held = self.agents.reduce(Resources()) { $0 + $1.held }
        let status = self.stage.master.status(at: self.stage.now)
        #expect(status?.used.cpus == held.cpus && status?.used.mem == held.mem, "used \(status!.used), held \(held)")
        #expect(status?.offered == "")
        #expect(status?.agents == UInt32(self.agents.count))
    }
}

@Suite("Storms")
struct StormTests {
    @Test(
        "Whatever happens in whatever order, the books are right, and settle when it is over",
        arguments: Array(1...8) + [206, 592])
    func storm(seed: UInt64) {
        let storm = Storm(seed: seed)
        for _ in 0..<2500 { storm.act() }
        storm.settle()
        #expect(storm.launched > 5, "a storm that launches nothing tests nothing")
    }

    @Test("One history of events has one history of effects")
    func deterministic() {
        func run() -> [String] {
            let storm = Storm(seed: 99)
            return (0..<300).flatMap { _ in
                storm.act()
                return storm.stage.said.map { "\($0)" }
            }
        }
        #expect(run() == run())
    }
}
