import MasterCore
import Model
import Testing

@Suite("Leading and standing by")
struct LeadershipTests {
    private func refusal(_ result: Result<Welcome, Refusal>) -> Refusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    @Test("A standby refuses everybody and names the leader")
    func standbyRefuses() {
        let stage = Stage(epoch: nil)
        for role in [PeerRole.relay, .allocator, .scheduler, .operator] {
            #expect(self.refusal(stage.master.admit(Hello(role: role, name: "x")))?.code == .notLeader)
        }
        stage.step(.leaderChanged("m2:5050"))
        #expect(self.refusal(stage.master.admit(Hello(role: .scheduler, name: "x")))?.leader == "m2:5050")
        #expect(stage.master.leader == "m2:5050" && stage.master.leadingEpoch == nil)
        // Events that come late mean nothing.
        #expect(stage.step(.timerFired(.offersDue)) == [])
        #expect(stage.step(.relay(PeerID(1), .snapshotDone)) == [])
        // Somebody who was admitted by a leadership that ended during the handshake.
        #expect(
            stage.step(.peerConnected(PeerID(1), Hello(role: .relay, name: "r1")))
                == [.close(PeerID(1), Refusal(.notLeader, "This master leads no longer", leader: "m2:5050"))])
    }

    @Test(
        "A standby takes a policy from an operator who asks for that, keeps it, and leads with it; it answers nothing else"
    )
    func standbyTakesPolicy() {
        let stage = Stage(epoch: nil)
        stage.step(.mastersChanged(["m2:5050", "m1:5050"]))
        stage.step(.leaderChanged("m2:5050"))
        var hello = Hello(role: .operator, name: "cli")
        #expect(self.refusal(stage.master.admit(hello))?.code == .notLeader, "who does not ask is sent to the leader")
        hello.acceptsStandby = true
        guard case .success(let welcome) = stage.master.admit(hello) else { return #expect(Bool(false)) }
        #expect(welcome.name == "m1" && welcome.epoch == .none && welcome.masters == ["m2:5050", "m1:5050"])
        for role in [PeerRole.relay, .allocator, .scheduler, .master] {
            var other = Hello(role: role, name: "x")
            other.acceptsStandby = true
            #expect(self.refusal(stage.master.admit(other))?.code == .notLeader)
        }
        let cli = stage.connect(hello)
        #expect(stage.said == [])
        func ask(_ kind: OperatorRequest.Kind) -> [MasterState.Effect] {
            stage.step(.operator(cli, OperatorRequest(id: 3, kind)))
        }
        func answer(_ kind: OperatorResponse.Kind) -> MasterState.Effect {
            .sendToOperator(cli, OperatorResponse(id: 3, kind))
        }
        let only = "This master stands by and takes a policy only: ask the leader, m2:5050"
        for kind in [OperatorRequest.Kind.status, .policy, .teardown("F"), .kill(nil, "t"), .agents] {
            #expect(ask(kind) == [answer(.failure(only))])
        }
        var policy = ClusterPolicy()
        policy.sharing = .priority
        #expect(ask(.applyPolicy(policy, source: [1], isTrial: true)) == [answer(.done)])
        #expect(
            ask(.applyPolicy(policy, source: [1], isTrial: false)) == [
                .storePolicy(policy, source: [1]), answer(.done),
            ])
        var wrong = ClusterPolicy()
        var role = RoleFacts(role: "a")
        role.weight = -1
        wrong.roles = [role]
        let problem = wrong.problems[0]
        #expect(
            ask(.applyPolicy(wrong, source: [2], isTrial: false)) == [
                .observe(.policyRefused(problem)), answer(.failure(problem)),
            ])
        // Strangers are not heard, and those that are are told to come again when it leads.
        let late = OperatorRequest(id: 1, .applyPolicy(.init(), source: [9], isTrial: false))
        #expect(stage.step(.operator(PeerID(99), late)) == [])
        stage.step(.elected(8))
        #expect(stage.isClosed(cli))
        let again = stage.connect(hello)
        stage.step(.operator(again, OperatorRequest(id: 4, .policy)))
        #expect(stage.answers(to: again) == [.policy(policy, source: [1]), .done])
    }

    @Test("A leader welcomes those it serves, with its epoch and where relays and masters are")
    func leaderWelcomes() {
        let stage = Stage()
        _ = stage.relay()
        stage.step(.mastersChanged(["m1:5050", "m2:5050"]))
        guard case .success(let welcome) = stage.master.admit(Hello(role: .scheduler, name: "pi")) else {
            return #expect(Bool(false))
        }
        #expect(welcome.epoch == 7 && welcome.relays == ["r1:5052"] && welcome.masters == ["m1:5050", "m2:5050"])
        for role in [PeerRole.agent, .executor] {
            #expect(self.refusal(stage.master.admit(Hello(role: role, name: "x")))?.code == .role)
        }
        #expect(self.refusal(stage.master.admit(Hello(role: .relay, name: "")))?.code == .malformed)
        var old = Hello(role: .relay, name: "r1")
        old.version = Hello.oldestProtocol - 1
        #expect(self.refusal(stage.master.admit(old))?.code == .protocolVersion)
        // Another master may watch, and is told nothing.
        let witness = stage.connect(Hello(role: .master, name: "m2"))
        #expect(stage.said == [])
        stage.step(.deposed("its session expired"))
        #expect(stage.isClosed(witness))
        stage.step(.elected(9))
        var absurd = Hello(role: .relay, name: "r1")
        absurd.epoch = Epoch(.max)
        #expect(self.refusal(stage.master.admit(absurd))?.code == .malformed)
        #expect(stage.step(.higherEpochSeen(Epoch(.max))) == [])
        var ahead = Hello(role: .relay, name: "r1")
        ahead.epoch = 10
        #expect(self.refusal(stage.master.admit(ahead))?.code == .stale)
    }

    @Test("A leader that is deposed sends everybody away, and starts empty when elected again")
    func deposed() {
        let small = Small()
        small.run("t1")
        small.stage.step(.deposed("its session expired"))
        for peer in [small.relay, small.allocator, small.scheduler] { #expect(small.stage.isClosed(peer)) }
        #expect(small.stage.master.leadingEpoch == nil)
        small.stage.step(.elected(9))
        #expect(small.stage.master.leadingEpoch == 9)
        #expect(small.stage.master.status(at: small.stage.now)?.agents == 0)
        let relay = small.stage.relay()
        #expect(small.stage.attach("h9", via: relay) == "9-A1")
        #expect(small.stage.step(.elected(9)) == [])
    }

    @Test("Whoever shows a later epoch ends the leadership", arguments: 0..<4)
    func laterEpoch(who: Int) {
        let small = Small()
        var registration = AgentRegistration(
            attachment: Attachment(starts: 1, connects: 2), agentID: small.agent, hostname: "h1", total: "cpus:1")
        switch who {
        case 0: small.stage.step(.higherEpochSeen(8))
        case 1:
            registration.epoch = 8
            small.stage.step(.relay(small.relay, .agentAttached(index: 0, registration, sent: [], issuedEpoch: .none)))
        case 2: small.stage.step(.relay(small.relay, .agentAttached(index: 0, registration, sent: [], issuedEpoch: 8)))
        default:
            var hello = Hello(role: .relay, name: "r2")
            hello.epoch = 8
            _ = small.stage.connect(hello)
        }
        #expect(small.stage.said.last == .stepDown(reason: "epoch 8 has been seen", above: 8))
        #expect(small.stage.isClosed(small.relay) && small.stage.isClosed(small.scheduler))
        #expect(small.stage.master.leadingEpoch == nil)
        #expect(small.stage.step(.higherEpochSeen(7)) == [])
    }

    @Test("A new master learns everything from relays, and no task is lost")
    func failover() {
        let old = Small()
        let info = task("t1", on: old.agent, "cpus:1;mem:1024")
        let launched = LaunchOrder(
            frameworkID: old.framework, role: "*",
            frameworkInfo: old.stage.codec.encode(FrameworkInfo(user: "ann", name: "pi")),
            tasks: [.init(taskID: "t1", info: old.stage.codec.encode(info))])
        let stage = old.stage
        stage.step(.deposed("killed"))
        stage.step(.elected(8))

        let relay = stage.relay()
        let allocator = stage.allocator()
        var framework = FrameworkInfo(user: "ann", name: "pi")
        framework.failoverTimeout = .seconds(60)
        stage.attach(
            "h1", id: old.agent, via: relay, connects: 3,
            tasks: [record(1, old.framework, "t0", .running, "cpus:2;mem:1024", executor: "e1")],
            executors: [
                ExecutorRecord(
                    key: ExecutorKey(old.framework, "e1"), resources: "cpus:0.5",
                    info: stage.codec.encode(executor("e1")))
            ],
            frameworks: [FrameworkRecord(id: old.framework, info: stage.codec.encode(framework))], position: 33,
            sent: [.launch(launched)])
        #expect(stage.orders(relay) == [])
        let facts = stage.facts[allocator]![old.agent]!
        #expect(facts.holdings.map(\.resources) == ["cpus:3.5;mem:2048"])
        #expect(stage.propose(allocator, old.agent, "cpus:1", for: old.framework) == nil)

        // Its scheduler comes back within its failover timeout.
        stage.wait(.seconds(50))
        let (peer, id) = stage.scheduler("pi", id: old.framework)
        #expect(id == old.framework)
        #expect(stage.propose(allocator, old.agent, "cpus:0.5", for: id) != nil)
        #expect(stage.propose(allocator, old.agent, "cpus:0.5", for: id) == nil)
        stage.call(
            peer, id, .reconcile([.init("t0"), .init("t1"), .init("t2", on: old.agent), .init("t3", on: "6-A9")]))
        #expect(
            stage.statuses(to: peer).map(\.line)
                == ["t0 TASK_RUNNING 9", "t1 TASK_STAGING 9"])
        #expect(stage.orders(relay) == [.restate], "of t2 the agent itself knows")
        stage.wait(.seconds(60))
        #expect(stage.orders(relay) == [])

        // What another master has sent, and the agent does not list, may be over: the agent may have been with that master
        // meanwhile, which would have ordered it again. It is not started a second time.
        stage.attach(
            "h1", id: old.agent, via: relay, connects: 4,
            tasks: [record(1, old.framework, "t0", .running, "cpus:2;mem:1024", executor: "e1")],
            executors: [
                ExecutorRecord(
                    key: ExecutorKey(old.framework, "e1"), resources: "cpus:0.5",
                    info: stage.codec.encode(executor("e1")))
            ], position: 33, epoch: 8)
        #expect(stage.orders(relay) == [])
        #expect(stage.statuses(to: peer).map(\.line) == ["t1 TASK_LOST 9", "t2 TASK_LOST 9"])
        #expect(stage.master.status(at: stage.now)?.tasks == 1)
    }

    @Test("A framework whose scheduler does not come back to the new master is removed in its time")
    func orphans() {
        let stage = Stage()
        let relay = stage.relay()
        stage.attach(
            "h1", id: "6-A1", via: relay, tasks: [record(1, "6-F1", "t1", .running)],
            frameworks: [FrameworkRecord(id: "6-F1", info: stage.codec.encode(FrameworkInfo(user: "ann", name: "pi")))])
        #expect(stage.facts_.contains(.frameworkRecovered("6-F1", name: "pi")))
        stage.wait(.seconds(9))
        #expect(stage.orders(relay) == [])
        stage.wait(.seconds(1))
        #expect(stage.orders(relay) == [.shutdownFramework("6-F1")])
    }

    @Test("More than an agent has may be booked while a launch is on its way, but nothing of it is offered")
    func overlap() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        let ports: Resources = "cpus:2;ports:[1-10]"
        let info = task("t2", on: "6-A1", "cpus:1;ports:[1-5]")
        let launched = LaunchOrder(
            frameworkID: "6-F1", role: "*", frameworkInfo: [],
            tasks: [.init(taskID: "t2", info: stage.codec.encode(info))])
        stage.attach(
            "h1", ports, id: "6-A1", via: relay, tasks: [record(1, "6-F1", "t1", .running, ports)],
            sent: [.launch(launched)])
        let (_, id) = stage.scheduler("pi", id: "6-F1")
        #expect(stage.propose(allocator, "6-A1", "cpus:0.1", for: id) == nil)
        stage.book(relay, 1, .task(record(1, "6-F1", "t1", .finished, ports)))
        #expect(stage.propose(allocator, "6-A1", "ports:[5-6]", for: id) == nil)
        #expect(stage.propose(allocator, "6-A1", "cpus:1;ports:[6-10]", for: id) != nil)
    }
}
