import Model
import SDKCore
import Testing

@Suite("Updates whose callbacks have returned")
struct ReturnedUpdatesTests {
    /// What comes of updates that return, of calls, and of the loop's turns, in their order.
    private enum Step {
        case returned(TaskID, UInt8, isEnd: Bool = true)
        case called
        case turn
    }

    /// The uuids that each turn tells of; and how many turns were asked for.
    private func run(_ steps: [Step]) -> (told: [[UInt8]], turns: Int) {
        var returned = ReturnedUpdates()
        var (told, turns) = ([[UInt8]](), 0)
        for step in steps {
            switch step {
            case .returned(let task, let uuid, let isEnd):
                if returned.add(.init(task, uuid: [uuid], isEnd: isEnd)) { turns += 1 }
            case .called: returned.close()
            case .turn: told.append(returned.next().map { $0.uuid[0] })
            }
        }
        return (told, turns)
    }

    @Test("Many take one turn of the loop; what comes later takes another")
    func oneTurnForMany() {
        let (told, turns) = self.run([.returned("t1", 1), .returned("t2", 2), .turn, .turn, .returned("t3", 3), .turn])
        #expect(told == [[1, 2], [], [3]] && turns == 2)
    }

    @Test("Of several of one task in a row the last is told, but not across its end")
    func lastOfATask() {
        let (told, turns) = self.run([
            .returned("t1", 1, isEnd: false), .returned("t1", 2), .returned("t1", 3, isEnd: false),
            .returned("t2", 4, isEnd: false), .returned("t1", 5), .turn,
        ])
        #expect(told == [[2, 3, 4, 5]] && turns == 1)
    }

    @Test("An update does not go with those from before a call, which its callback may have made")
    func callsAreNotOvertaken() {
        let (told, turns) = self.run([
            .returned("t1", 1, isEnd: false), .called, .returned("t1", 2), .called, .called, .returned("t2", 3), .turn,
            .returned("t3", 4), .turn, .turn, .turn,
        ])
        #expect(told == [[1], [2], [3, 4], []] && turns == 3)
    }
}
