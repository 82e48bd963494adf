import Model
import Testing

@testable import MasterCore

@Suite("Who may run tasks as which user")
struct UserTests {
    /// A cluster with that rule, and a framework of that principal and user in it.
    private func stage(
        _ rules: [UserRule], _ principal: String?, user: String = "ann"
    ) -> (launch: (TaskInfo) -> String?, group: (ExecutorInfo, TaskInfo) -> String?, stage: Stage) {
        let stage = Stage { $0.policy.users = rules }
        let (relay, allocator) = (stage.relay(), stage.allocator())
        let agent = stage.attach("h1", via: relay)!
        let (scheduler, framework) = stage.scheduler {
            $0.principal = principal
            $0.user = user
        }
        /// The status that says that a task does not start, or nil if it was ordered.
        func answer(_ make: (OfferID) -> SchedulerCall.Kind) -> String? {
            let offer = stage.propose(allocator, agent, "cpus:1;mem:1056", for: framework)!
            _ = stage.call(scheduler, framework, make(offer.id))
            let statuses = stage.statuses(to: scheduler)
            let orders = stage.orders(relay).count
            #expect(statuses.count + orders == 1)
            return statuses.first.map { "\($0.line) \($0.message ?? "")" }
        }
        func on(_ task: TaskInfo) -> TaskInfo {
            var task = task
            task.agentID = agent
            return task
        }
        return (
            { task in answer { launch(on(task), from: $0, refuse: .zero) } },
            { executor, task in
                answer {
                    let operation = SchedulerCall.Operation.launchGroup(executor: executor, [.task(on(task))])
                    return .accept(.init(offerIDs: [$0], operations: [operation], filters: .init(refuse: .zero)))
                }
            }, stage
        )
    }

    private func task(_ id: TaskID, as user: String? = nil, executor user2: String?? = .none) -> TaskInfo {
        var info = MasterTests.task(id, on: "", "cpus:0.1;mem:32")
        info.command?.user = user
        guard case .some(let executorUser) = user2 else { return info }
        var executor = MasterTests.executor("e")
        executor.command?.user = executorUser
        info.command = nil
        info.executor = executor
        return info
    }

    @Test("A task of a user that its principal may not run as is an error that names those it may")
    func refused() {
        let cluster = self.stage([UserRule(principal: "spark", users: ["ann", "etl"])], "spark")
        #expect(
            cluster.launch(self.task("t1", as: "bob"))
                == "t1 TASK_ERROR 15 Task is not authorized: principal 'spark' may not run tasks as user 'bob': "
                + "name one that the cluster's policy allows it (ann, etl)")
        #expect(cluster.launch(self.task("t2", as: "etl")) == nil)
        #expect(cluster.launch(self.task("t3")) == nil, "the framework's user is ann")
        #expect(cluster.launch(self.task("t4", executor: "bob"))?.hasPrefix("t4 TASK_ERROR 15") == true)
        #expect(cluster.launch(self.task("t5", executor: .some(nil))) == nil)
    }

    @Test("A principal without a rule of its own goes by the rule for all others, and without that may run nothing")
    func others() {
        let rules = [UserRule(principal: "*", users: ["ann"]), UserRule(principal: "idle", users: [])]
        #expect(self.stage(rules, nil).launch(self.task("t")) == nil)
        #expect(self.stage(rules, "web").launch(self.task("t")) == nil)
        #expect(self.stage(rules, "web").launch(self.task("t", as: "bob"))?.contains("allows it (ann)") == true)
        #expect(self.stage(rules, "idle").launch(self.task("t"))?.contains("allows it (none)") == true)
        let unnamed = self.stage([UserRule(principal: "spark", users: ["*"])], nil).launch(self.task("t"))
        #expect(unnamed?.contains("a framework without a principal may not run tasks as user 'ann'") == true)
        #expect(self.stage([], nil, user: "root").launch(self.task("t")) == nil, "without rules all may")
    }

    @Test("Root is allowed by name only, and no user at all counts as root")
    func root() {
        let rules = [UserRule(principal: "a", users: ["*"]), UserRule(principal: "b", users: ["root"])]
        #expect(self.stage(rules, "a").launch(self.task("t", as: "anybody")) == nil)
        #expect(self.stage(rules, "a").launch(self.task("t", as: "root")) != nil)
        #expect(self.stage(rules, "a", user: "root").launch(self.task("t")) != nil)
        #expect(self.stage(rules, "a", user: "").launch(self.task("t"))?.contains("the agent's own user") == true)
        #expect(self.stage(rules, "a").launch(self.task("t", as: "")) != nil)
        #expect(self.stage(rules, "b", user: "").launch(self.task("t")) == nil)
        #expect(self.stage(rules, "b").launch(self.task("t", as: "root")) == nil)
    }

    @Test("A group of which one may not run as its user is an error as a whole")
    func groups() {
        let cluster = self.stage([UserRule(principal: "spark", users: ["ann"])], "spark")
        var executor = MasterTests.executor("e")
        #expect(
            cluster.group(executor, self.task("t1", as: "bob"))?.hasPrefix(
                "t1 TASK_ERROR 26 Task group is not authorized: principal 'spark'") == true)
        executor.command?.user = "bob"
        #expect(cluster.group(executor, self.task("t2"))?.hasPrefix("t2 TASK_ERROR 26") == true)
        executor.command?.user = "ann"
        #expect(cluster.group(executor, self.task("t3")) == nil)
    }

    @Test("Another rule holds from the next launch on")
    func changed() {
        let cluster = self.stage([], "spark")
        #expect(cluster.launch(self.task("t1")) == nil)
        var policy = ClusterPolicy()
        policy.users = [UserRule(principal: "spark", users: ["etl"])]
        cluster.stage.step(.policyRead(policy, source: []))
        #expect(cluster.launch(self.task("t2")) != nil)
        #expect(cluster.stage.master.status(at: cluster.stage.now)?.tasks == 1, "what runs is left alone")
    }
}
