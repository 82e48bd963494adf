import MasterCore
import Model
import Testing

@Suite("Allocators that only watch")
struct ShadowTests {
    /// A cluster whose framework runs tasks of one CPU that take ten seconds, and an allocator that watches.
    private struct Watched {
        let small = Small()
        let shadow: PeerID
        var stage: Stage { self.small.stage }

        init(running tasks: Int = 0) {
            for number in 0..<tasks { self.small.run(TaskID("before-\(number)"), number: UInt64(number + 1)) }
            self.shadow = self.small.stage.shadow()
        }

        /// The cluster offers all that is free, and the framework fills it with tasks; a number for each.
        func fill(_ numbers: ClosedRange<Int>) {
            let each: Resources = "cpus:1;mem:1024"
            let total = numbers.reduce(Resources()) { sum, _ in sum + each }
            let offer = self.small.offer(total)
            let tasks = numbers.map { TaskLaunch.task(task(TaskID("t\($0)"), on: self.small.agent)) }
            _ = self.small.call(
                .accept(.init(offerIDs: [offer], operations: [.launch(tasks)], filters: .init(refuse: .seconds(5)))))
            for number in numbers { self.book(number, .running) }
        }

        func book(_ number: Int, _ state: TaskState) {
            self.stage.book(
                self.small.relay, BookPosition(UInt64(number * 10 + (state.isTerminal ? 1005 : 1000))),
                .task(record(UInt64(number), self.small.framework, TaskID("t\(number)"), state)))
        }

        func finish(_ numbers: ClosedRange<Int>) { for number in numbers { self.book(number, .finished) } }

        /// What the watching allocator is told when it proposes so much for the framework.
        func propose(_ resources: Resources) -> [MasterToAllocator] {
            self.stage.propose(self.shadow, self.small.agent, resources, for: self.small.framework)
            return self.stage.messages(toAllocator: self.shadow)
        }

        func report() -> (ShadowRow, [ComparisonRow]) {
            let peer = self.stage.operatorPeer()
            self.stage.step(.operator(peer, OperatorRequest(id: 1, .compare)))
            var summary = ShadowRow(name: "none")
            var rows: [ComparisonRow] = []
            for answer in self.stage.answers(to: peer) {
                if case .shadow(let row) = answer { summary = row }
                if case .comparison(let row) = answer { rows.append(row) }
            }
            return (summary, rows)
        }
    }

    private func held(_ messages: [MasterToAllocator]) -> [Resources] {
        messages.compactMap { if case .held(let holding) = $0 { holding.resources } else { nil } }
    }

    private func recovered(_ messages: [MasterToAllocator]) -> [Resources] {
        messages.compactMap { if case .recovered(let holding) = $0 { holding.resources } else { nil } }
    }

    @Test("One is told that all agents are its own, and gets none")
    func facts() {
        let watched = Watched()
        #expect(watched.stage.facts[watched.shadow]?[watched.small.agent]?.isOwned == true)
        #expect(watched.stage.facts[watched.small.allocator]?[watched.small.agent]?.isOwned == true)
        let peer = watched.stage.operatorPeer()
        watched.stage.step(.operator(peer, OperatorRequest(id: 1, .status)))
        guard case .status(let status)? = watched.stage.answers(to: peer).first else { return #expect(Bool(false)) }
        #expect(status.allocators == 1, "it is not counted among those that decide")
    }

    @Test("What it proposes reaches no framework, and is held in its world only")
    func proposal() {
        let watched = Watched()
        watched.fill(1...1)
        let said = watched.propose("cpus:2;mem:2048")
        #expect(self.held(said) == ["cpus:2;mem:2048"], "the task of the real world is not there")
        #expect(watched.stage.events(to: watched.small.scheduler).isEmpty)
        #expect(watched.stage.messages(toAllocator: watched.small.allocator).isEmpty)
        #expect(watched.report().1.first?.ifDecided.tasks == 2)
    }

    @Test("Its tasks take as long as those of the real world did, and what they held is free again")
    func durations() {
        let watched = Watched()
        watched.fill(1...4)
        watched.stage.wait(.seconds(10))
        watched.finish(1...4)
        #expect(self.held(watched.propose("cpus:4;mem:4096")) == ["cpus:4;mem:4096"])
        watched.stage.wait(.milliseconds(9_999))
        #expect(watched.stage.messages(toAllocator: watched.shadow).isEmpty)
        watched.stage.wait(.milliseconds(1))
        #expect(
            self.recovered(watched.stage.messages(toAllocator: watched.shadow))
                == Array(repeating: "cpus:1;mem:1024", count: 4))
    }

    @Test("A task of its world whose time nobody knows ends when the first real one has shown it")
    func unmeasured() {
        let watched = Watched()
        watched.fill(1...1)
        watched.stage.wait(.seconds(3))
        _ = watched.propose("cpus:1;mem:1024")
        watched.stage.wait(.seconds(1000))
        #expect(watched.stage.messages(toAllocator: watched.shadow).isEmpty)
        watched.finish(1...1)
        watched.stage.wait(.seconds(3))
        #expect(
            self.recovered(watched.stage.messages(toAllocator: watched.shadow)) == ["cpus:1;mem:1024"],
            "as long after it as it began later")
    }

    @Test("What ran when it came runs on in its world, and ends when it really does")
    func inherited() {
        let watched = Watched(running: 2)
        let facts = watched.stage.facts[watched.shadow]?[watched.small.agent]
        #expect(facts?.holdings.map(\.resources) == ["cpus:1;mem:1024", "cpus:1;mem:1024"])
        guard case .allocationRefused(_, _, let free, _)? = watched.propose("cpus:3;mem:3072").last else {
            Issue.record("what is in use was given away")
            return
        }
        #expect(free == "cpus:2;mem:2048")
        watched.stage.book(
            watched.small.relay, 500, .task(record(1, watched.small.framework, "before-0", .finished)))
        #expect(self.recovered(watched.stage.messages(toAllocator: watched.shadow)) == ["cpus:1;mem:1024"])
        #expect(watched.report().0.refusals == 1)
    }

    @Test("A framework that left something of its last offer takes no more than it has in the cluster")
    func sated() {
        let watched = Watched()
        let offer = watched.small.offer("cpus:4;mem:4096")
        _ = watched.small.call(launch(task("t1", on: watched.small.agent), from: offer))
        watched.book(1, .running)
        let said = watched.propose("cpus:4;mem:4096")
        #expect(self.recovered(said) == ["cpus:3;mem:3072"])
        let again = watched.propose("cpus:3;mem:3072")
        #expect(self.recovered(again) == ["cpus:3;mem:3072"], "it has its one task")
        guard case .filter(_, let remaining)? = again.dropFirst().first else {
            Issue.record("it does not say for how long it refuses")
            return
        }
        #expect(remaining == .seconds(5), "as it refused the real offer")
    }

    @Test("A framework that has declined all wants nothing until its refusal is over, and then what it used")
    func declined() {
        let watched = Watched()
        watched.fill(1...2)
        let offer = watched.small.offer("cpus:2;mem:2048")
        _ = watched.small.call(.decline([offer], .init(refuse: .seconds(20))))
        #expect(self.recovered(watched.propose("cpus:4;mem:4096")) == ["cpus:2;mem:2048"])
        _ = watched.small.call(.revive(roles: []))
        #expect(self.recovered(watched.propose("cpus:2;mem:2048")).isEmpty, "it asked for more")
    }

    @Test("The report has the shares over time, the waits and Jain's index of both worlds")
    func report() throws {
        let watched = Watched()
        watched.stage.wait(.seconds(10))
        watched.fill(1...2)
        watched.stage.wait(.seconds(10))
        _ = watched.propose("cpus:4;mem:4096")
        watched.stage.wait(.seconds(20))
        let (summary, rows) = watched.report()
        let row = try #require(rows.first)
        #expect(summary.watched == .seconds(40) && summary.proposals == 1)
        #expect(row.entitled == 1)
        #expect(abs(row.real.share - 0.5 * 30 / 40) < 1e-9)
        #expect(abs(row.ifDecided.share - 1 * 20 / 40) < 1e-9)
        #expect(row.real.meanWait == .seconds(10) && row.ifDecided.meanWait == .seconds(20))
        #expect(row.real.longestWait == .seconds(30), "it wants more since it used all of its offer")
        #expect(row.real.tasks == 2 && row.ifDecided.tasks == 4)
        #expect(summary.index == 1 && summary.shadowIndex == 1, "who is alone is served evenly")
    }

    @Test("Its revocations end tasks of its world, after the grace")
    func revocation() throws {
        let watched = Watched()
        watched.fill(1...2)
        _ = watched.propose("cpus:2;mem:2048")
        let framework = watched.stage.frameworkRows[watched.small.framework]!
        watched.stage.step(.allocator(watched.shadow, .tasksWanted(framework: framework)))
        guard case .revocable(_, let tasks)? = watched.stage.messages(toAllocator: watched.shadow).first else {
            Issue.record("no answer")
            return
        }
        #expect(tasks.count == 2)
        let facts = watched.stage.facts[watched.shadow]![watched.small.agent]!
        watched.stage.step(
            .allocator(
                watched.shadow,
                .revocation(
                    Revocation(
                        proposal: 9, agent: facts.index, ownership: facts.ownership, victim: framework,
                        taskID: tasks[0].taskID, beneficiary: framework, grace: .seconds(2)))))
        watched.stage.wait(.seconds(2))
        #expect(self.recovered(watched.stage.messages(toAllocator: watched.shadow)) == ["cpus:1;mem:1024"])
        #expect(watched.report().0.revocations == 1)
        #expect(watched.stage.orders(watched.small.relay).isEmpty, "nobody is killed")
    }

    @Test("So many watch as the settings allow, and one that comes again takes its own place")
    func bound() {
        let stage = Stage { $0.shadows = 2 }
        let first = stage.shadow("s1")
        _ = stage.shadow("s2")
        var hello = Hello(role: .allocator, name: "s3")
        hello.isShadow = true
        guard case .failure(let refusal) = stage.master.admit(hello) else {
            Issue.record("a third is admitted")
            return
        }
        #expect(refusal.code == .full)
        hello.name = "s1"
        #expect((try? stage.master.admit(hello).get()) != nil)
        _ = stage.shadow("s1")
        #expect(stage.isClosed(first))
        _ = stage.allocator("s2")
        #expect(!stage.said.contains { if case .close = $0 { true } else { false } }, "one that decides is another")
    }

    @Test("An agent that is given up is gone from its world, too")
    func lostAgent() {
        let watched = Watched(running: 1)
        watched.stage.step(.relay(watched.small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        watched.stage.wait(.seconds(100))
        #expect(
            watched.stage.messages(toAllocator: watched.shadow).contains {
                if case .agentRemoved = $0 { true } else { false }
            })
    }
}
