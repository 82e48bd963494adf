import ElectionCore
import Model
import Testing

@Suite("A standby that sees the leader die")
struct LeaderWitnessTests {
    private let leader = MemberInfo(name: "m1", address: "127.0.0.1:5050", incarnation: [1])

    @Test("A connection that breaks, and a closed port behind it, are a death")
    func closedPort() {
        var witness = LeaderWitness(leader: self.leader)
        #expect(witness.handle(.welcomed(incarnation: [1])) == nil)
        #expect(witness.handle(.lost) == nil)
        #expect(witness.handle(.portClosed) != nil)
        #expect(witness.handle(.portClosed) == nil, "said once")
    }

    @Test("A closed port alone says nothing: the leader may not be listening yet")
    func notSeen() {
        var witness = LeaderWitness(leader: self.leader)
        #expect(witness.handle(.portClosed) == nil)
        #expect(witness.handle(.doesNotLead) == nil)
        #expect(witness.handle(.lost) == nil)
        #expect(witness.handle(.portClosed) == nil)
    }

    @Test("Somebody else at its address, or the same who leads no more, is a death; a connection made again is none")
    func successors() {
        var witness = LeaderWitness(leader: self.leader)
        #expect(witness.handle(.welcomed(incarnation: [2])) != nil)
        witness = LeaderWitness(leader: self.leader)
        #expect(witness.handle(.welcomed(incarnation: [1])) == nil)
        #expect(witness.handle(.lost) == nil)
        #expect(witness.handle(.welcomed(incarnation: [1])) == nil)
        #expect(witness.handle(.doesNotLead) == nil)
        #expect(witness.handle(.lost) == nil)
        #expect(witness.handle(.doesNotLead) != nil)
    }
}
