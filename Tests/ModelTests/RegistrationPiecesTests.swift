import Model
import Testing

@Suite("Registrations in pieces")
struct RegistrationPiecesTests {
    private func registration(tasks: Int, statusBytes: Int = 100) -> AgentRegistration {
        var registration = AgentRegistration(
            attachment: Attachment(starts: 3, connects: 4), agentID: "7-A1", hostname: "h", sidePort: 5,
            total: "cpus:4;mem:4096;ports:[31000-32000]", attributes: [1, 2], position: 9, epoch: 7,
            mode: .deactivated)
        registration.tasks = (0..<tasks).map { number in
            TaskRecord(
                number: UInt64(number), key: TaskKey("7-F1", TaskID("t\(number)")), name: "t", resources: "cpus:1",
                latestStatus: Bytes(repeating: 1, count: statusBytes))
        }
        registration.executors = [ExecutorRecord(key: ExecutorKey("7-F1", "e"), resources: "cpus:1")]
        registration.frameworks = [FrameworkRecord(id: "7-F1", info: Bytes(repeating: 2, count: 3000))]
        return registration
    }

    @Test("Pieces put together are the registration again, and none is larger than asked", arguments: [0, 1, 7, 500])
    func roundTrip(tasks: Int) {
        let whole = self.registration(tasks: tasks)
        let pieces = whole.pieces(of: 4000)
        var sum = pieces[0]
        for piece in pieces.dropFirst() {
            #expect(sum.isContinued)
            #expect(piece.hostname.isEmpty && piece.total.isEmpty && piece.attributes.isEmpty)
            sum.append(piece)
        }
        #expect(sum == whole)
        #expect(pieces.allSatisfy { $0.approximateBytes <= 4000 })
    }

    @Test("An entry larger than a piece has a piece of its own")
    func largeEntries() {
        let pieces = self.registration(tasks: 3, statusBytes: 5000).pieces(of: 4000)
        #expect(pieces.map(\.tasks.count) == [0, 1, 1, 1])
    }
}
