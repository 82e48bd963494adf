import MasterCore
import Model
import Testing

@Suite("Frameworks")
struct FrameworkTests {
    @Test("A first subscription gets an id, a token, the heartbeat interval and the master")
    func subscribe() {
        let stage = Stage()
        let relay = stage.relay()
        let (peer, id) = stage.scheduler("pi", relays: true)
        #expect(id == "7-F1")
        guard case .subscribed(let subscribed)? = stage.events(to: peer).first else {
            return #expect(Bool(false), "\(stage.said)")
        }
        #expect(subscribed.heartbeatInterval == .seconds(15))
        #expect(subscribed.master.address == "m1:5050")
        #expect(subscribed.relays == [RelayInfo(name: "r1", address: "r1:5052")])
        #expect(subscribed.subscription?.epoch == 7)
        #expect(subscribed.subscription?.token.count == 16)
        #expect(
            stage.messages(toRelay: relay)
                == [
                    .subscription(
                        SubscriptionNotice(
                            frameworkID: id, subscription: subscribed.subscription!, usesRelays: true,
                            isConnected: true))
                ])
    }

    @Test("Subscribing twice on one connection gives one framework")
    func subscribeTwice() {
        let stage = Stage()
        let (peer, id) = stage.scheduler()
        guard case .subscribed(let first)? = stage.events(to: peer).first else { return #expect(Bool(false)) }
        let events = stage.call(peer, nil, .subscribe(.init(framework: FrameworkInfo(user: "ann", name: "pi"))))
        #expect(events == [.subscribed(first)])
        #expect(first.frameworkID == id)
    }

    @Test("SUBSCRIBED says what is guaranteed: to the framework, and to its roles and those above with all of theirs")
    func guarantees() {
        let stage = Stage { $0.policy = self.policy(own: "cpus:2", eng: "cpus:8;mem:1024", web: "cpus:1") }
        let (peer, _) = stage.scheduler("pi") { $0.roles = ["eng/web", "eng/tests", "ads"] }
        guard case .subscribed(let subscribed)? = stage.events(to: peer).first else {
            return #expect(Bool(false), "\(stage.said)")
        }
        let expected = Guarantees(own: "cpus:2", roles: ["eng": "cpus:8;mem:1024", "eng/web": "cpus:1"])
        #expect(subscribed.guarantees == expected)
        // It did not ask for more.
        stage.step(.policyRead(ClusterPolicy(), source: []))
        #expect(stage.events(to: peer) == [])
    }

    private func policy(own: Resources, eng: Resources, web: Resources = .init()) -> ClusterPolicy {
        var policy = ClusterPolicy()
        var rule = FrameworkRule(framework: "pi")
        rule.guarantee = own
        policy.frameworks = [rule]
        policy.roles = [("eng", eng), ("eng/web", web)].map { name, guarantee in
            var role = RoleFacts(role: name)
            role.guarantee = guarantee
            return role
        }
        return policy
    }

    @Test("A scheduler that asked hears when its guarantees change, and only then")
    func guaranteesChange() {
        let stage = Stage()
        let peer = stage.connect(Hello(role: .scheduler, name: "pi"))
        var subscribe = SchedulerCall.Subscribe(framework: FrameworkInfo(user: "ann", name: "pi"))
        subscribe.framework.roles = ["eng"]
        subscribe.guarantees = true
        let first = stage.call(peer, nil, .subscribe(subscribe))
        guard case .subscribed(let subscribed)? = first.first, first.count == 1 else {
            return #expect(Bool(false), "\(stage.said)")
        }
        #expect(subscribed.guarantees == Guarantees())
        func adopt(_ policy: ClusterPolicy) -> [SchedulerEvent] {
            stage.step(.policyRead(policy, source: []))
            return stage.events(to: peer)
        }
        let policy = self.policy(own: "cpus:2", eng: "cpus:8", web: "cpus:1")
        #expect(adopt(policy) == [.guarantees(Guarantees(own: "cpus:2", roles: ["eng": "cpus:8"]))])
        #expect(adopt(policy) == [])
        // What does not concern it.
        #expect(adopt(self.policy(own: "cpus:2", eng: "cpus:8", web: "cpus:3")) == [])
        // Its own doing.
        let info = subscribe.framework
        var other = info
        other.roles = ["ads"]
        let update = SchedulerCall.Kind.updateFramework(other, suppressedRoles: [], constraints: [:])
        #expect(stage.call(peer, subscribed.frameworkID, update) == [.guarantees(Guarantees(own: "cpus:2"))])
        // Subscribing again is answered by SUBSCRIBED alone, and what it says counts as told.
        let again = stage.call(peer, subscribed.frameworkID, .subscribe(subscribe))
        guard case .subscribed(let second)? = again.first, again.count == 1 else {
            return #expect(Bool(false), "\(stage.said)")
        }
        #expect(second.guarantees == Guarantees(own: "cpus:2", roles: ["eng": "cpus:8"]))
        #expect(adopt(policy) == [])
        #expect(adopt(ClusterPolicy()) == [.guarantees(Guarantees())])
    }

    @Test("A subscribed scheduler hears a heartbeat every 15 seconds")
    func heartbeats() {
        let stage = Stage()
        let (peer, _) = stage.scheduler()
        stage.wait(.seconds(46))
        #expect(stage.events(to: peer) == [.heartbeat, .heartbeat, .heartbeat])
        stage.step(.peerDisconnected(peer))
        stage.wait(.seconds(9))
        #expect(stage.events(to: peer) == [])
    }

    @Test("What a dead scheduler said before its successor connected takes nothing from that one")
    func lateSubscription() {
        let small = Small()
        let late = small.stage.connect(Hello(role: .scheduler, name: "pi"))
        let (second, _) = small.stage.scheduler("pi", id: small.framework)
        var info = FrameworkInfo(user: "ann", name: "pi")
        info.id = small.framework
        _ = small.stage.call(late, small.framework, .subscribe(.init(framework: info)))
        #expect(small.stage.isClosed(late))
        #expect(!small.stage.isClosed(second) && small.stage.events(to: second) == [])
        // If it lives, it calls again, and takes over as any other would.
        _ = small.stage.scheduler("pi", id: small.framework)
        #expect(small.stage.events(to: second) == [.error("Framework failed over", leader: nil)])
    }

    @Test("A standby that took over is a successor like any other: an older connection takes nothing from it")
    func lateSubscriptionAfterStandby() {
        let small = Small()
        let late = small.stage.connect(Hello(role: .scheduler, name: "pi"))
        let (standby, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        small.stage.step(.peerDisconnected(small.scheduler))
        _ = small.stage.events(to: standby)
        var info = FrameworkInfo(user: "ann", name: "pi")
        info.id = small.framework
        _ = small.stage.call(late, small.framework, .subscribe(.init(framework: info)))
        #expect(small.stage.isClosed(late) && !small.stage.isClosed(standby))
    }

    @Test("A second scheduler of a framework takes over: the first is told, and its offers are free")
    func failover() {
        let small = Small()
        small.run("t1")
        let offer = small.offer("cpus:1")
        let (second, id) = small.stage.scheduler("pi", id: small.framework)
        #expect(id == small.framework)
        #expect(small.stage.events(to: small.scheduler) == [.error("Framework failed over", leader: nil)])
        #expect(small.stage.isClosed(small.scheduler))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1"])
        #expect(small.stage.orders(small.relay) == [])

        // The first still believes that it speaks for the framework.
        small.stage.call(small.scheduler, small.framework, .kill("t1", nil, grace: nil))
        #expect(small.stage.said == [])
        small.stage.step(.peerDisconnected(small.scheduler))
        #expect(small.stage.call(second, id, launch(task("t2", on: small.agent), from: offer)).count == 1)
        #expect(small.stage.call(second, id, .kill("t1", nil, grace: nil)) == [])
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("Each subscription is higher than the one before, and its token another")
    func subscriptionsGrow() {
        let stage = Stage()
        let relay = stage.relay()
        let (_, id) = stage.scheduler()
        func notice() -> Subscription? {
            for case .subscription(let notice) in stage.messages(toRelay: relay) { return notice.subscription }
            return nil
        }
        let first = notice()!
        _ = stage.scheduler(id: id)
        let second = notice()!
        #expect(first < second && first.token != second.token)
    }

    @Test("A framework whose scheduler leaves keeps its tasks for its failover timeout, but no offers")
    func disconnect() {
        let small = Small()
        let (peer, id) = small.stage.scheduler("slow") { $0.failoverTimeout = .seconds(60) }
        let offer = small.stage.propose(small.allocator, small.agent, "cpus:1;mem:1024", for: id)!
        small.stage.call(peer, id, launch(task("t1", on: small.agent), from: offer.id))
        _ = small.stage.propose(small.allocator, small.agent, "cpus:1", for: id)
        small.stage.step(.peerDisconnected(peer))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1"])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: id) == nil)
        small.stage.wait(.seconds(59))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.wait(.seconds(1))
        #expect(small.stage.orders(small.relay) == [.shutdownFramework(id)])
        #expect(small.stage.messages(toRelay: small.relay).contains(.frameworkRemoved(id)))

        // Free when the agent says that the task is gone, not before.
        #expect(small.stage.recovered(small.allocator) == [])
        small.stage.book(small.relay, 1, .task(record(1, id, "t1", .killed)))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:1024"])
        #expect(small.stage.messages(toAllocator: small.allocator).contains(.frameworkRemoved(1)))
    }

    @Test("The failover timeout has a floor")
    func failoverFloor() {
        let small = Small()
        small.run("t1")
        small.stage.step(.peerDisconnected(small.scheduler))
        small.stage.wait(.seconds(9))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.wait(.seconds(1))
        #expect(small.stage.orders(small.relay) == [.shutdownFramework(small.framework)])
    }

    @Test("A scheduler that is back in time finds everything as it was")
    func returnInTime() {
        let small = Small()
        small.run("t1")
        small.stage.step(.peerDisconnected(small.scheduler))
        small.stage.wait(.seconds(9))
        let (peer, id) = small.stage.scheduler("pi", id: small.framework)
        small.stage.wait(.seconds(100))
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.call(peer, id, .reconcile([])).count == 1)
    }

    @Test("A framework that was removed does not come back")
    func removedStaysRemoved() {
        let small = Small()
        _ = small.call(.teardown)
        #expect(small.stage.isClosed(small.scheduler))
        let (peer, _) = small.stage.scheduler("pi", id: small.framework)
        #expect(small.stage.events(to: peer) == [.error("Framework has been removed", leader: nil)])
        #expect(small.stage.isClosed(peer))
    }

    @Test("Tearing a framework down ends it on every agent, silently, and frees what it had")
    func teardown() {
        let small = Small()
        let second = small.stage.attach("h2", via: small.relay, at: 1)!
        small.run("t1")
        let offer = small.stage.propose(small.allocator, second, "cpus:1;mem:1024", for: small.framework)!
        _ = small.call(launch(task("t2", on: second), from: offer.id))
        _ = small.offer("cpus:1")
        #expect(small.call(.teardown) == [])
        #expect(
            small.stage.orders(small.relay)
                == [.shutdownFramework(small.framework), .shutdownFramework(small.framework)])
        small.stage.book(small.relay, 20, .task(record(1, small.framework, "t1", .killed)))
        small.stage.book(small.relay, at: 1, 1, .task(record(1, small.framework, "t2", .killed)))
        #expect(small.stage.master.status(at: small.stage.now)?.frameworks == 0)
        #expect(small.stage.master.status(at: small.stage.now)?.used == "")
    }

    @Test(
        "A framework with a bad role is refused before anything else, and its connection ends",
        arguments: ["", "/a", "a/", "a//b", "a/../b", "a/*", "a/-b", "a b", "a\u{7f}"])
    func badRoles(role: String) {
        let stage = Stage()
        let (peer, _) = stage.scheduler { $0.roles = [role] }
        #expect(stage.events(to: peer).count == 1)
        guard case .error? = stage.events(to: peer).first else { return #expect(Bool(false), "\(stage.said)") }
        #expect(stage.isClosed(peer))
        #expect(stage.master.status(at: stage.now)?.frameworks == 0)
    }

    @Test("Roles are named once; no roles, or suppressed roles that are none of them, are refused")
    func moreBadRoles() {
        let stage = Stage()
        for roles in [["a", "a"], []] {
            let (peer, _) = stage.scheduler { $0.roles = roles }
            #expect(stage.isClosed(peer))
        }
        let (good, _) = stage.scheduler { $0.roles = ["eng/backend", "*"] }
        #expect(!stage.isClosed(good))
    }

    @Test("A bad pattern in offer constraints is refused, with its role, group, constraint, and the place in it")
    func badPatterns() {
        let stage = Stage()
        func constraints(_ pattern: TextPattern) -> [String: OfferConstraints] {
            let good = AttributeConstraint(.hostname, .textNotMatches("h[0-9]+"))
            return ["a": OfferConstraints(groups: [[good], [good, .init(.attribute("rack"), .textMatches(pattern))]])]
        }
        let (peer, id) = stage.scheduler { $0.roles = ["a"] }
        var info = FrameworkInfo(user: "ann", name: "pi")
        info.roles = ["a"]
        func update(_ constraints: [String: OfferConstraints]) -> [SchedulerEvent] {
            stage.call(peer, id, .updateFramework(info, suppressedRoles: [], constraints: constraints))
        }
        #expect(update(constraints("r(1|2)")) == [])
        let problem =
            "offer constraints of role 'a', group 2, constraint 2: pattern 'r(1': a '(' without its ')', at character 2"
        #expect(update(constraints("r(1")) == [.error(problem, leader: nil)])
        #expect(!stage.isClosed(peer))
        let large = Array(repeating: [AttributeConstraint(.hostname, .textMatches("x{900}"))], count: 6)
        let size =
            "the patterns of the offer constraints become 5406 instructions, the limit is 5000 for all together"
        #expect(update(["a": OfferConstraints(groups: large)]) == [.error(size, leader: nil)])

        let second = stage.connect(Hello(role: .scheduler, name: "second"))
        var subscribe = SchedulerCall.Subscribe(framework: info)
        subscribe.constraints = constraints("(?=r)")
        let answer = stage.call(second, nil, .subscribe(subscribe))
        let place = "group 2, constraint 2: pattern '(?=r)': look-around is not supported, at character 1"
        #expect(answer == [.error("offer constraints of role 'a', \(place)", leader: nil)])
        #expect(stage.isClosed(second))
    }

    @Test("The principal of a framework stays")
    func principal() {
        let stage = Stage()
        let (peer, id) = stage.scheduler { $0.principal = "ann" }
        let (second, _) = stage.scheduler(id: id) { $0.principal = "bob" }
        #expect(stage.events(to: second) == [.error("Changing framework's principal is not allowed.", leader: nil)])
        #expect(!stage.isClosed(peer))
        var info = FrameworkInfo(user: "ann", name: "renamed")
        info.principal = "bob"
        #expect(stage.call(peer, id, .updateFramework(info, suppressedRoles: [], constraints: [:])).count == 1)
    }

    @Test("A framework may change its name, roles and suppression; offers in roles that it left are rescinded")
    func update() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        let agent = stage.attach("h1", via: relay)!
        let (peer, id) = stage.scheduler { $0.roles = ["a"] }
        let offer = stage.propose(allocator, agent, "cpus:1", for: id, role: "a")!
        var info = FrameworkInfo(user: "ann", name: "renamed")
        info.roles = ["b", "c"]
        #expect(
            stage.call(peer, id, .updateFramework(info, suppressedRoles: ["c"], constraints: [:])) == [
                .rescind(offer.id)
            ])
        let told = stage.messages(toAllocator: allocator).compactMap { message -> FrameworkFacts? in
            if case .framework(let facts) = message { facts } else { nil }
        }
        #expect(told.last?.name == "renamed" && told.last?.suppressedRoles == ["c"])
        info.user = "root"
        #expect(stage.call(peer, id, .updateFramework(info, suppressedRoles: [], constraints: [:])).count == 1)
    }

    @Test("Calls before subscribing, or for another framework, are answered; the connection stays")
    func strayCalls() {
        let small = Small()
        let stray = small.stage.connect(Hello(role: .scheduler, name: "stray"))
        #expect(small.stage.call(stray, small.framework, .teardown) == [.error("Subscribe first", leader: nil)])
        #expect(small.stage.call(small.scheduler, "7-F9", .teardown).count == 1)
        #expect(!small.stage.isClosed(stray) && !small.stage.isClosed(small.scheduler))
        small.stage.step(.undecodable(small.scheduler, "Call: required field task_id is missing"))
        #expect(
            small.stage.events(to: small.scheduler)
                == [.error("Call: required field task_id is missing", leader: nil)])
        #expect(!small.stage.isClosed(small.scheduler))
    }

    @Test("Messages pass between scheduler and executor, each once, to whoever is the scheduler now")
    func messages() {
        let small = Small()
        let key = ExecutorKey(small.framework, "e1")
        _ = small.call(.message(small.agent, "e1", [1, 2]))
        #expect(small.stage.orders(small.relay) == [.message(key, [1, 2])])
        small.stage.step(.relay(small.relay, .message(index: 0, key, [3])))
        #expect(small.stage.events(to: small.scheduler) == [.message(small.agent, "e1", [3])])
        let (second, _) = small.stage.scheduler("pi", id: small.framework)
        small.stage.step(.relay(small.relay, .message(index: 0, key, [4])))
        #expect(small.stage.events(to: second) == [.message(small.agent, "e1", [4])])
        small.stage.call(second, small.framework, .shutdown("e1", small.agent))
        #expect(small.stage.orders(small.relay) == [.shutdownExecutor(key)])
    }

    @Test("Schedulers that use relays hear of every change among them; relays and agents get the directory")
    func directory() {
        let stage = Stage()
        let first = stage.relay("r1")
        let (peer, _) = stage.scheduler(relays: true)
        let (plain, _) = stage.scheduler()
        let second = stage.relay("r2")
        let infos = [RelayInfo(name: "r1", address: "r1:5052"), RelayInfo(name: "r2", address: "r2:5052")]
        #expect(stage.events(to: peer) == [.relays(infos)])
        #expect(stage.events(to: plain) == [])
        #expect(
            stage.messages(toRelay: first) == [.directory(relays: ["r1:5052", "r2:5052"], masters: ["m1:5050"])])
        stage.step(.mastersChanged(["m1:5050", "m2:5050"]))
        #expect(
            stage.messages(toRelay: second)
                == [.directory(relays: ["r1:5052", "r2:5052"], masters: ["m1:5050", "m2:5050"])])
        stage.step(.peerDisconnected(first))
        #expect(stage.events(to: peer) == [.relays([infos[1]])])
    }
}
