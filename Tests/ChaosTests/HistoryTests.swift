import ChaosCore
import Model
import Testing

@Suite("The judge of a history")
struct HistoryTests {
    /// One task that ran as it should, and what a test makes of it.
    private static func history(
        _ entries: [History.Entry] = [
            .began, .launch(task: "a"), .status(task: "a", state: .running, made: 1),
            .status(task: "a", state: .finished, made: 2),
        ], starts: Int = 1, ends: Int = 1
    ) -> History {
        var history = History()
        history.frameworks["f"] = entries.enumerated().map { .init(at: Double($0.offset) + 0.5, $0.element) }
        if starts + ends > 0 { history.marks["a"] = .init(starts: starts, ends: ends) }
        history.healedAt = 100
        return history
    }

    @Test("A task that was launched, began once, came to its end, and is reported so, breaks no promise")
    func kept() {
        let verdict = Self.history().judged()
        #expect(verdict.breaches == [])
        #expect((verdict.launched, verdict.started, verdict.finished) == (1, 1, 1))
        #expect(verdict.delays.longest == 1.5)
    }

    @Test("An end that comes again to a scheduler in its next life is no breach; in one life it is")
    func again() {
        let end = History.Entry.status(task: "a", state: .finished, made: 2)
        #expect(Self.history([.began, .launch(task: "a"), end, .began, end]).judged().breaches == [])
        #expect(Self.history([.began, .launch(task: "a"), end, end]).judged().breaches.count == 1)
    }

    @Test("A task that was dropped and never began is no breach")
    func dropped() {
        let entries: [History.Entry] = [.launch(task: "a"), .status(task: "a", state: .dropped, made: nil)]
        let verdict = Self.history(entries, starts: 0, ends: 0).judged()
        #expect(verdict.breaches == [] && verdict.neverRan == 1 && verdict.toldWhenAsked == 1)
    }

    @Test("A task that began owes an update of its end: an answer to a question is none, before it or after it")
    func answered() {
        let answer = History.Entry.status(task: "a", state: .finished, made: nil)
        let update = History.Entry.status(task: "a", state: .finished, made: 2)
        let verdict = Self.history([.launch(task: "a"), answer]).judged()
        #expect(verdict.undelivered == 1 && verdict.finished == 1 && verdict.breaches.count == 1)
        #expect(Self.history([.launch(task: "a"), answer, update, answer]).judged().breaches == [])
    }

    @Test("A task that its scheduler wanted to have killed may be killed, wherever it stood; it may also finish first")
    func killed() {
        let wish: [History.Entry] = [.launch(task: "a"), .kill(task: "a")]
        let killed = History.Entry.status(task: "a", state: .killed, made: 2)
        for (starts, ends) in [(0, 0), (1, 0)] {
            let verdict = Self.history(wish + [killed], starts: starts, ends: ends).judged()
            #expect(verdict.breaches == [] && verdict.killed == 1)
        }
        let finished = History.Entry.status(task: "a", state: .finished, made: 2)
        #expect(Self.history(wish + [finished]).judged().breaches == [])
        #expect(Self.history(wish + [finished], ends: 0).judged().breaches.count == 1)
    }

    @Test("A task that began twice is found")
    func startedTwice() {
        let verdict = Self.history(starts: 2).judged()
        #expect(verdict.startedTwice == 1 && !verdict.breaches.isEmpty)
    }

    @Test("A task without a word of its end is found")
    func undelivered() {
        let verdict = Self.history([.launch(task: "a"), .status(task: "a", state: .running, made: 1)]).judged()
        #expect(verdict.undelivered == 1 && verdict.lost == 1 && verdict.breaches.count == 1)
    }

    @Test(
        "A report that is not what happened is found",
        arguments: [
            (TaskState.finished, 0, 0), (.finished, 1, 0), (.finished, 1, 2), (.lost, 1, 1), (.dropped, 1, 0),
            (.failed, 0, 0), (.killed, 0, 0), (.failed, 1, 1), (.gone, 1, 1),
        ])
    func untrue(state: TaskState, starts: Int, ends: Int) {
        let entries: [History.Entry] = [.launch(task: "a"), .status(task: "a", state: state, made: 1)]
        let verdict = Self.history(entries, starts: starts, ends: ends).judged()
        #expect(verdict.breaches.count == 1 && verdict.lost == 1, "\(verdict.breaches)")
    }

    @Test("Where disks were full a task may fail that never began, and no other")
    func mayFail() {
        let entries: [History.Entry] = [.launch(task: "a"), .status(task: "a", state: .failed, made: 1)]
        var history = Self.history(entries, starts: 0, ends: 0)
        history.mayFail = true
        #expect(history.judged().breaches == [])
        history.marks["a"] = .init(starts: 1, ends: 0)
        #expect(history.judged().breaches.count == 1)
    }

    @Test("Two ends that differ, a launch that is repeated, and a task that nobody launched are found")
    func others() {
        let ends: [History.Entry] = [
            .launch(task: "a"), .status(task: "a", state: .finished, made: 1), .began,
            .status(task: "a", state: .failed, made: 1),
        ]
        #expect(Self.history(ends).judged().breaches.count == 1)
        let launches: [History.Entry] = [
            .launch(task: "a"), .launch(task: "a"), .status(task: "a", state: .finished, made: 1),
        ]
        #expect(Self.history(launches).judged().breaches.count == 1)
        var history = Self.history()
        history.marks["stranger"] = .init(starts: 1, ends: 1)
        #expect(history.judged().breaches == ["stranger: it ran, and was never launched"])
    }

    @Test("What was seen of agents and processes counts, and so does a run without any task")
    func seen() {
        var history = Self.history()
        history.overCommitments = ["agent-1 holds cpus:5 of cpus:4"]
        history.unhealed = ["agent-2 is not registered"]
        history.unexpectedEnds = ["relay-1 ended by itself"]
        #expect(history.judged().breaches.count == 3)
        history = History()
        history.frameworks["f"] = []
        #expect(history.judged().breaches.count == 1)
    }

    @Test("The longest time without a launch is from one launch to the next")
    func pause() {
        var history = History()
        history.frameworks["f"] = [.init(at: 1, .launch(task: "a")), .init(at: 9, .launch(task: "b"))]
        history.frameworks["g"] = [.init(at: 4, .launch(task: "c"))]
        #expect(history.judged().longestPause == 5)
    }
}
