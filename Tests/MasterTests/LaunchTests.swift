import MasterCore
import Model
import Testing

@Suite("Launching")
struct LaunchTests {
    @Test("An accepted task is booked, ordered, and the rest of the offer is free")
    func launchOrdersTask() {
        let small = Small()
        let offer = small.offer("cpus:4;mem:4096")
        let first = task("t1", on: small.agent, "cpus:2;mem:1024")
        let second = task("t2", on: small.agent, "cpus:1;mem:2048")
        #expect(small.call(launch(first, second, from: offer)) == [])
        let orders = small.stage.orders(small.relay)
        #expect(orders.count == 1)
        guard case .launch(let order) = orders[0] else { return #expect(Bool(false), "\(orders)") }
        #expect(order.frameworkID == small.framework)
        #expect(
            order.tasks == [
                .init(taskID: "t1", info: small.stage.codec.encode(first)),
                .init(taskID: "t2", info: small.stage.codec.encode(second)),
            ])
        #expect(order.groupExecutor.isEmpty)
        #expect(small.stage.codec.framework(order.frameworkInfo)?.name == "pi")
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:1024"])
        // What was launched stays held: the rest can be offered, no more.
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1.1", for: small.framework) == nil)
    }

    @Test("A task that asks for more than is offered is an error that names both amounts; others go on")
    func tooLarge() {
        let small = Small()
        let offer = small.offer("cpus:2;mem:1024")
        _ = small.call(
            launch(
                task("big", on: small.agent, "cpus:3;mem:512"), task("small", on: small.agent, "cpus:1;mem:512"),
                from: offer))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.line) == ["big TASK_ERROR 14"])
        #expect(statuses[0].source == .master && statuses[0].uuid == nil && statuses[0].agentID == small.agent)
        #expect(statuses[0].message?.contains("cpus:3;mem:512") == true)
        #expect(statuses[0].message?.contains("cpus:2;mem:1024") == true)
        #expect(small.stage.orders(small.relay).count == 1)
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:512"])
    }

    @Test("A new executor counts beside its task, and once for all its tasks on an agent")
    func executorsAreChargedOnce() {
        let small = Small()
        let shared = executor("e1", "cpus:1;mem:128")
        let offer = small.offer("cpus:2;mem:1024")
        _ = small.call(launch(task("t1", on: small.agent, "cpus:1.5;mem:128", in: shared), from: offer))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_ERROR 14"])

        let second = small.stage.propose(small.allocator, small.agent, "cpus:3;mem:1024", for: small.framework)!
        let tasks = ["t2", "t3"].map { task(TaskID($0), on: small.agent, "cpus:1;mem:128", in: shared) }
        _ = small.call(launch(tasks[0], tasks[1], from: second.id))
        #expect(small.stage.orders(small.relay).count == 1)
        #expect(small.stage.recovered(small.allocator) == ["mem:640"])
    }

    @Test("An executor of the same id must be described the same")
    func incompatibleExecutor() {
        let small = Small()
        _ = small.call(
            launch(task("t1", on: small.agent, "cpus:1", in: executor("e1")), from: small.offer("cpus:2;mem:512")))
        let other = executor("e1", command: "./other")
        let offer = small.offer("cpus:1;mem:64")
        _ = small.call(launch(task("t2", on: small.agent, "cpus:1", in: other), from: offer))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.line) == ["t2 TASK_ERROR 14"])
        #expect(statuses.first?.message?.contains("not compatible with existing ExecutorInfo") == true)
    }

    @Test("A task id is used once at a time")
    func duplicateIDs() {
        let small = Small()
        small.run("t1")
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:1024"), refuse: .zero))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.line) == ["t1 TASK_ERROR 14"])
        #expect(statuses.first?.message == "Task has duplicate ID: t1")
        #expect(small.stage.orders(small.relay) == [])

        // Ended but not acknowledged: still taken. Acknowledged: free.
        small.stage.book(small.relay, 11, .task(record(1, small.framework, "t1", .finished)))
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:512"), refuse: .zero))
        #expect(small.stage.statuses(to: small.scheduler).count == 1)
        small.stage.book(small.relay, 12, .taskRemoved(number: 1))
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("The id of a task that is unreachable is in use: it may come back")
    func unreachableIDs() {
        let small = Small([.partitionAware])
        small.run("t1")
        small.stage.step(.peerDisconnected(small.relay))
        small.stage.wait(.seconds(75))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_UNREACHABLE 11"])
        let relay = small.stage.relay()
        let other = small.stage.attach("h2", via: relay, at: 1)!
        let offer = small.stage.propose(small.allocator, other, "cpus:2;mem:2048", for: small.framework)!
        _ = small.call(launch(task("t1", on: other), from: offer.id))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.line) == ["t1 TASK_ERROR 14"])
        #expect(statuses.first?.message == "Task has duplicate ID: t1")
        #expect(small.stage.orders(relay) == [])

        // The first comes back unharmed.
        small.stage.attach(
            "h1", id: small.agent, via: relay, connects: 2, tasks: [record(1, small.framework, "t1", .running)],
            position: 20)
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_RUNNING 32"])
    }

    @Test(
        "An invalid task is an error and starts nothing",
        arguments: [
            ("", "empty"), (String(repeating: "x", count: 256), "256"), (".", "disallowed"), ("..", "disallowed"),
            ("a/b", "contains"), ("a\\b", "contains"), ("a\u{1}b", "contains"),
        ])
    func invalidIDs(id: String, complaint: String) {
        let small = Small()
        _ = small.call(launch(task(TaskID(id), on: small.agent), from: small.offer()))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.state) == [.error])
        #expect(statuses.first?.message?.contains(complaint) == true)
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.recovered(small.allocator) == ["cpus:4;mem:4096"])
    }

    @Test(
        "A health check or check that cannot be done is an error of its task",
        arguments: [
            (Probe.unclear(reason: "has no type"), "has no type"), (.tcp(port: 0), "port 0"),
            (.tcp(port: 65_536), "port 65536"), (.http(.init(port: 80, path: "health")), "begin with '/'"),
            (.http(.init(port: 80, path: "/a b")), "space"), (.http(.init(port: 443, scheme: "https")), "https"),
            (.http(.init(port: 80, scheme: "gopher")), "neither"), (.command(CommandInfo()), "empty command"),
        ])
    func invalidChecks(probe: Probe, complaint: String) {
        #expect(HealthCheck(probe).problem?.contains(complaint) == true)
        let small = Small()
        var (health, check) = (task("health", on: small.agent, "cpus:1"), task("check", on: small.agent, "cpus:1"))
        health.healthCheck = HealthCheck(probe)
        check.check = Check(probe)
        var (delay, grace) = (health, health)
        delay.taskID = "delay"
        delay.healthCheck = HealthCheck(.tcp(port: 80))
        delay.healthCheck?.times.delay = .seconds(-1)
        grace.taskID = "grace"
        grace.healthCheck = HealthCheck(.tcp(port: 80))
        grace.healthCheck?.gracePeriod = .seconds(-1)
        var good = task("good", on: small.agent, "cpus:1")
        good.healthCheck = HealthCheck(.http(.init(port: 80, path: "/health")))
        let tasks = [health, check, delay, grace, good].map(TaskLaunch.task)
        _ = small.call(.accept(.init(offerIDs: [small.offer()], operations: [.launch(tasks)])))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(
            statuses.map(\.line)
                == ["health TASK_ERROR 14", "check TASK_ERROR 14", "delay TASK_ERROR 14", "grace TASK_ERROR 14"])
        #expect(statuses[0].message?.contains(complaint) == true)
        #expect(statuses[1].message?.contains(complaint) == true)
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("A container that no agent makes is an error of its task, and says why")
    func invalidContainers() {
        let small = Small()
        var (docker, escape) = (task("docker", on: small.agent, "cpus:1"), task("escape", on: small.agent, "cpus:1"))
        docker.container = ContainerInfo()
        docker.container?.unsupported = "is of type DOCKER"
        escape.container = ContainerInfo()
        escape.container?.volumes = [.init("/a", .host("/a/../../etc"))]
        var inner = task("inner", on: small.agent, "cpus:1")
        inner.command = nil
        inner.executor = ExecutorInfo(executorID: "e", command: CommandInfo(shell: "true"))
        inner.executor?.container = escape.container
        var good = task("good", on: small.agent, "cpus:1")
        good.container = ContainerInfo()
        good.container?.volumes = [.init("/a", .host("/a"))]
        let tasks = [docker, escape, inner, good].map(TaskLaunch.task)
        _ = small.call(.accept(.init(offerIDs: [small.offer()], operations: [.launch(tasks)])))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(
            statuses.map(\.line) == ["docker TASK_ERROR 14", "escape TASK_ERROR 14", "inner TASK_ERROR 14"])
        #expect(statuses[0].message?.contains("Task's container is of type DOCKER") == true)
        #expect(statuses[1].message?.contains("contains '..'") == true)
        #expect(statuses[2].message?.contains("Executor's container") == true)
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("A task needs resources, its offer's agent, a sound grace, and either a command or an executor with one")
    func invalidTasks() {
        let small = Small()
        var both = task("both", on: small.agent)
        both.executor = executor("e1")
        var neither = task("neither", on: small.agent)
        neither.command = nil
        var hollow = task("hollow", on: small.agent, "cpus:1", in: executor("e1"))
        hollow.executor?.command = nil
        var grace = task("grace", on: small.agent)
        grace.killGracePeriod = .seconds(-1)
        var time = task("time", on: small.agent)
        time.maxCompletionTime = .seconds(-1)
        let tasks = [
            task("elsewhere", on: "7-A9"), task("nothing", on: small.agent, ""), both, neither, hollow, grace, time,
        ]
        _ = small.call(
            .accept(
                .init(
                    offerIDs: [small.offer()],
                    operations: [
                        .launch(
                            tasks.map(TaskLaunch.task) + [.unreadable("garbled", reason: "cpus is NaN")])
                    ])))
        #expect(
            small.stage.statuses(to: small.scheduler).map(\.line)
                == (tasks.map(\.taskID.rawValue) + ["garbled"]).map { "\($0) TASK_ERROR 14" })
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("GPUs are counted in whole numbers, those of executors too")
    func wholeGPUs() {
        let small = Small([.gpuResources], total: "cpus:4;mem:4096;gpus:3")
        var tool = executor("e1")
        tool.resources = "gpus:1.5"
        let offer = small.offer("cpus:4;gpus:3")
        let tasks = [
            task("half", on: small.agent, "cpus:1;gpus:0.5"), task("tool", on: small.agent, "cpus:1", in: tool),
            task("whole", on: small.agent, "cpus:1;gpus:1"),
        ]
        _ = small.call(
            .accept(.init(offerIDs: [offer], operations: [.launch(tasks.map(TaskLaunch.task))])))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(statuses.map(\.line) == ["half TASK_ERROR 14", "tool TASK_ERROR 14"])
        #expect(statuses.first?.message?.contains("Task uses 0.5 gpus, and gpus are counted in whole numbers") == true)
        #expect(statuses.last?.message?.contains("Executor uses 1.5 gpus, and gpus are counted in whole") == true)
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("Two offers of one agent may be used together")
    func combinedOffers() {
        let small = Small()
        let (first, second) = (small.offer("cpus:2;mem:1024"), small.offer("cpus:2;mem:1024"))
        _ = small.call(launch(task("t1", on: small.agent, "cpus:3;mem:2048"), from: first, second))
        #expect(small.stage.orders(small.relay).count == 1)
        #expect(small.stage.recovered(small.allocator) == ["cpus:1"])
    }

    @Test("Offers that do not go together lose the call's tasks; the valid ones are free again, unfiltered")
    func offersThatDoNotGoTogether() {
        let small = Small([.partitionAware])
        let other = small.stage.attach("h2", via: small.relay, at: 1)!
        let here = small.offer("cpus:1")
        let there = small.stage.propose(small.allocator, other, "cpus:1", for: small.framework)!.id
        let cases: [[OfferID]] = [[here, there], [here, here], [here, "7-O99"], [here, "6-O1"], [here, "x"], []]
        for (index, offers) in cases.enumerated() {
            let fresh = index == 0 ? offers : offers.map { $0 == here ? small.offer("cpus:1") : $0 }
            // The same offer twice must stay the same.
            let named = index == 1 ? [fresh[0], fresh[0]] : fresh
            _ = small.call(
                .accept(.init(offerIDs: named, operations: [.launch([.task(task("t1", on: small.agent))])])))
            #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_DROPPED 6"], "\(offers)")
            #expect(
                !small.stage.messages(toAllocator: small.allocator).contains {
                    if case .filter = $0 { true } else { false }
                })
            if index == 1 { _ = small.call(.decline([fresh[1]], OfferFilters(refuse: .zero))) }
        }
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:4;mem:4096", for: small.framework) != nil)
    }

    @Test(
        "An offer has one name, and what only means its number is none",
        arguments: ["7-O01", "7-O+1", "7-O1 ", "7-O1-1", "7-o1", "07-O1", "7-O", "7-O99999999999999999999", ""])
    func namesOfOffers(name: String) {
        let small = Small([.partitionAware])
        let offer = small.offer("cpus:1")
        #expect(offer == "7-O1")
        _ = small.call(launch(task("t1", on: small.agent, "cpus:1"), from: OfferID(name)))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_DROPPED 6"])
        _ = small.call(.decline([OfferID(name)], OfferFilters(refuse: .zero)))
        _ = small.call(launch(task("t2", on: small.agent, "cpus:1"), from: offer))
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("Offers for different roles are not used together")
    func differentRoles() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        let agent = stage.attach("h1", via: relay)!
        let (peer, id) = stage.scheduler("two") { $0.roles = ["a", "b"] }
        let first = stage.propose(allocator, agent, "cpus:1", for: id, role: "a")!.id
        let second = stage.propose(allocator, agent, "cpus:1", for: id, role: "b")!.id
        stage.call(peer, id, launch(task("t1", on: agent, "cpus:2"), from: first, second))
        #expect(stage.statuses(to: peer).map(\.line) == ["t1 TASK_LOST 6"])
        #expect(stage.recovered(allocator) == ["cpus:1", "cpus:1"])
    }

    @Test("A launch on an agent that has just gone says so")
    func agentGone() {
        let small = Small()
        let offer = small.offer()
        small.stage.step(.peerDisconnected(small.relay))
        _ = small.call(launch(task("t1", on: small.agent), from: offer))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_LOST 10"])
        small.stage.wait(.seconds(75))
        _ = small.call(launch(task("t2", on: small.agent, "cpus:1"), from: offer))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t2 TASK_LOST 11"])
    }

    @Test("A group starts as one order, in one executor")
    func groups() {
        let small = Small()
        let shared = executor("e1", "cpus:1")
        let tasks = ["t1", "t2"].map { id in
            var info = task(TaskID(id), on: small.agent, "cpus:1")
            info.command = nil
            return info
        }
        _ = small.call(group(shared, tasks[0], tasks[1], from: small.offer()))
        let orders = small.stage.orders(small.relay)
        guard orders.count == 1, case .launch(let order) = orders[0] else { return #expect(Bool(false), "\(orders)") }
        #expect(order.tasks.map(\.taskID) == ["t1", "t2"])
        #expect(small.stage.codec.executor(order.groupExecutor)?.executorID == "e1")
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:4096"])
    }

    @Test("One bad task spoils its group")
    func badGroups() {
        let small = Small()
        let shared = executor("e1", "cpus:1")
        let good = task("good", on: small.agent, "cpus:1")
        var foreign = task("foreign", on: small.agent, "cpus:1")
        foreign.executor = executor("e2")
        let cases: [(TaskInfo, String)] = [
            (task("bad", on: small.agent, ""), "no resources"), (task("bad", on: small.agent, "cpus:3"), "available"),
            (good, "used twice"), (foreign, "other than the group's"), (task("bad", on: "7-A9"), "7-A9"),
        ]
        for (bad, complaint) in cases {
            _ = small.call(group(shared, good, bad, from: small.offer()))
            let statuses = small.stage.statuses(to: small.scheduler)
            #expect(statuses.map(\.state) == [.error, .error])
            #expect(statuses.allSatisfy { $0.reason == .taskGroupInvalid })
            #expect(statuses.first?.message?.contains(complaint) == true, "\(statuses.first?.message ?? "")")
            #expect(small.stage.orders(small.relay) == [])
            small.stage.wait(.seconds(5))
        }
    }

    @Test("What this version does not carry out is answered, and the offer is free again")
    func unsupportedOperations() {
        let small = Small()
        let events = small.call(.accept(.init(offerIDs: [small.offer()], operations: [.unsupported("RESERVE")])))
        #expect(events == [.error("Operations of type RESERVE are not supported", leader: nil)])
        #expect(small.stage.recovered(small.allocator) == ["cpus:4;mem:4096"])
        #expect(small.call(.unsupported("RECONCILE_OPERATIONS")).count == 1)
        #expect(!small.stage.isClosed(small.scheduler))
    }
}
