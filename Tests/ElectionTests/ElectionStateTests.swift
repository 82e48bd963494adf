import ElectionCore
import Model
import Testing

private let start = Instant(nanoseconds: 0)
private let first = MemberInfo(name: "m1", address: "127.0.0.1:5050", incarnation: [1])
private let second = MemberInfo(name: "m2", address: "127.0.0.1:5051", incarnation: [2])

/// A contender that is the only member and leads under epoch 5.
private func leader() -> ElectionState {
    var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
    _ = election.handle(.sessionOpened, at: start)
    _ = election.handle(.membersListed([]), at: start)
    _ = election.handle(.joined("m_a-0_0000000001"), at: start)
    _ = election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
    _ = election.handle(.memberRead("m_a-0_0000000001", first), at: start)
    _ = election.handle(.epochRead(4, version: 7), at: start)
    _ = election.handle(.epochRaised(5), at: start)
    return election
}

@Suite("Election of the master")
struct ElectionStateTests {
    @Test("The first contender leads once it has raised the epoch")
    func leads() {
        var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
        #expect(election.handle(.sessionOpened, at: start) == [.list])
        #expect(election.handle(.membersListed([]), at: start) == [.join(nodePrefix: "m_a-0_", first)])
        #expect(election.handle(.joined("m_a-0_0000000001"), at: start) == [.list])
        #expect(
            election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
                == [.read("m_a-0_0000000001"), .readEpoch])
        #expect(
            election.handle(.memberRead("m_a-0_0000000001", first), at: start)
                == [.membersChanged([first]), .leaderChanged(first)])
        #expect(
            election.handle(.epochRead(4, version: 7), at: start)
                == [.raiseEpoch(to: 5, version: 7, whileExists: "m_a-0_0000000001")])
        #expect(election.handle(.epochRaised(5), at: start) == [.lead(5)])
    }

    @Test("A service that remembers no leader may have lost its data: epochs go on from the date, above all it gave")
    func forgottenEpochs() {
        let now = Instant(nanoseconds: 1_767_225_600_000_000_000)
        var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
        _ = election.handle(.sessionOpened, at: now)
        _ = election.handle(.membersListed([]), at: now)
        _ = election.handle(.joined("m_a-0_0000000001"), at: now)
        _ = election.handle(.membersListed(["m_a-0_0000000001"]), at: now)
        #expect(
            election.handle(.epochRead(.none, version: 0), at: now)
                == [.raiseEpoch(to: 31_536_000_001, version: 0, whileExists: "m_a-0_0000000001")])
    }

    @Test("The order of joining decides, not the order of names")
    func sequenceDecides() {
        var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
        _ = election.handle(.sessionOpened, at: start)
        _ = election.handle(.membersListed([]), at: start)
        _ = election.handle(.joined("m_a-0_0000000009"), at: start)
        let effects = election.handle(.membersListed(["m_a-0_0000000009", "m_z-3_0000000002"]), at: start)
        #expect(effects == [.read("m_z-3_0000000002"), .read("m_a-0_0000000009")])
    }

    @Test("A creation with an uncertain outcome is looked up, not repeated")
    func uncertainCreation() {
        var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
        _ = election.handle(.sessionOpened, at: start)
        _ = election.handle(.membersListed([]), at: start)
        #expect(election.handle(.joinUncertain, at: start) == [.startRetryTimer(after: .milliseconds(200))])
        #expect(election.handle(.retryTimerFired, at: start) == [.list])
        #expect(
            election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
                == [.read("m_a-0_0000000001"), .readEpoch], "it exists, so it is taken as ours")
    }

    @Test("A leader whose node is deleted steps down and contends with a new node")
    func nodeDeleted() {
        var election = leader()
        #expect(
            election.handle(.membersListed(["m_b-0_0000000002"]), at: start) == [
                .read("m_b-0_0000000002"), .stepDown(reason: "our node was deleted"),
                .join(nodePrefix: "m_a-1_", first), .membersChanged([]), .leaderChanged(nil),
            ])
    }

    @Test("A leader steps down when its session has expired, and opens another")
    func expiry() {
        var election = leader()
        #expect(
            election.handle(.sessionExpired, at: start)
                == [.stepDown(reason: "the ZooKeeper session expired"), .openSession])
        #expect(election.handle(.sessionOpened, at: start) == [.list])
    }

    @Test("A leader that meets a higher epoch steps down and raises above it the next time")
    func higherEpoch() {
        var election = leader()
        #expect(
            election.handle(.higherEpochSeen(9), at: start) == [
                .delete("m_a-0_0000000001"),
                .stepDown(reason: "somebody has seen epoch 9, above our 5"),
                .startRetryTimer(after: .milliseconds(200)),
            ])
        #expect(
            election.handle(.membersListed([]), at: start)
                == [.join(nodePrefix: "m_a-1_", first), .membersChanged([]), .leaderChanged(nil)])
        _ = election.handle(.joined("m_a-1_0000000003"), at: start)
        _ = election.handle(.membersListed(["m_a-1_0000000003"]), at: start)
        #expect(
            election.handle(.epochRead(5, version: 8), at: start)
                == [.raiseEpoch(to: 10, version: 8, whileExists: "m_a-1_0000000003")])
    }

    @Test("While the service cannot be reached the leader leads on, and who waits only asks again")
    func serviceIsAway() {
        var leading = leader()
        #expect(leading.handle(.requestFailed, at: start) == [.startRetryTimer(after: .milliseconds(200))])
        #expect(leading.handle(.retryTimerFired, at: start) == [.list])
        var waiting = ElectionState(candidate: second, guid: "b", electsLeader: true)
        _ = waiting.handle(.sessionOpened, at: start)
        _ = waiting.handle(.membersListed(["m_a-0_0000000001", "m_b-0_0000000002"]), at: start)
        for _ in 0..<3 {
            #expect(waiting.handle(.requestFailed, at: start) == [.startRetryTimer(after: .milliseconds(200))])
            #expect(waiting.handle(.retryTimerFired, at: start) == [.list])
        }
    }

    @Test("A service that was wiped does not take the epoch back: who led raises above what it had")
    func serviceIsWiped() {
        var election = leader()
        #expect(
            election.handle(.sessionExpired, at: start) == [
                .stepDown(reason: "the ZooKeeper session expired"), .openSession,
            ])
        _ = election.handle(.sessionOpened, at: start)
        #expect(election.handle(.membersListed([]), at: start).contains(.join(nodePrefix: "m_a-1_", first)))
        _ = election.handle(.joined("m_a-1_0000000000"), at: start)
        _ = election.handle(.membersListed(["m_a-1_0000000000"]), at: start)
        #expect(
            election.handle(.epochRead(.none, version: 0), at: start)
                == [.raiseEpoch(to: 6, version: 0, whileExists: "m_a-1_0000000000")])
    }

    @Test("An equal or lower epoch changes nothing")
    func lowerEpoch() {
        var election = leader()
        #expect(election.handle(.higherEpochSeen(5), at: start) == [])
        #expect(election.handle(.higherEpochSeen(2), at: start) == [])
    }

    @Test("Losing the race for the epoch starts over from the list")
    func epochRace() {
        var election = ElectionState(candidate: first, guid: "a", electsLeader: true)
        _ = election.handle(.sessionOpened, at: start)
        _ = election.handle(.membersListed([]), at: start)
        _ = election.handle(.joined("m_a-0_0000000001"), at: start)
        _ = election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
        _ = election.handle(.epochRead(4, version: 7), at: start)
        #expect(election.handle(.epochRaiseFailed, at: start) == [.startRetryTimer(after: .milliseconds(200))])
        #expect(election.handle(.retryTimerFired, at: start) == [.list])
        #expect(
            election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
                == [.read("m_a-0_0000000001"), .readEpoch])
    }

    @Test("A witness deletes exactly the node of the incarnation that died")
    func witness() {
        var election = ElectionState(candidate: second, guid: "b", electsLeader: true)
        _ = election.handle(.sessionOpened, at: start)
        _ = election.handle(.membersListed(["m_a-0_0000000001"]), at: start)
        _ = election.handle(.memberRead("m_a-0_0000000001", first), at: start)
        #expect(election.handle(.deathWitnessed(incarnation: [7]), at: start) == [])
        #expect(election.handle(.deathWitnessed(incarnation: [1]), at: start) == [.delete("m_a-0_0000000001")])
        #expect(election.handle(.deathWitnessed(incarnation: [2]), at: start) == [], "nobody witnesses its own death")
    }

    @Test("Whoever only watches hears of the leader and never contends")
    func watcher() {
        var election = ElectionState(candidate: nil, guid: "c", electsLeader: true)
        #expect(election.handle(.sessionOpened, at: start) == [.list])
        #expect(
            election.handle(.membersListed(["m_b-0_0000000002", "m_a-0_0000000001"]), at: start)
                == [.read("m_a-0_0000000001"), .read("m_b-0_0000000002")])
        #expect(
            election.handle(.memberRead("m_b-0_0000000002", second), at: start) == [.membersChanged([second])],
            "the first is not known yet, so nobody is announced")
        #expect(
            election.handle(.memberRead("m_a-0_0000000001", first), at: start)
                == [.membersChanged([first, second]), .leaderChanged(first)])
        #expect(
            election.handle(.membersListed(["m_b-0_0000000002"]), at: start)
                == [.membersChanged([second]), .leaderChanged(second)])
    }

    @Test("Members of a plain list lead nothing")
    func plainList() {
        var election = ElectionState(candidate: first, guid: "a", electsLeader: false)
        _ = election.handle(.sessionOpened, at: start)
        _ = election.handle(.membersListed([]), at: start)
        _ = election.handle(.joined("m_a-0_0000000001"), at: start)
        #expect(election.handle(.membersListed(["m_a-0_0000000001"]), at: start) == [.read("m_a-0_0000000001")])
        #expect(election.handle(.memberRead("m_a-0_0000000001", first), at: start) == [.membersChanged([first])])
    }

    @Test("Who resigns gives up its node and does not contend again")
    func resigns() {
        var election = leader()
        #expect(
            election.handle(.resigned, at: start)
                == [.delete("m_a-0_0000000001"), .stepDown(reason: "the process ends")])
        #expect(election.handle(.membersListed([]), at: start) == [.membersChanged([]), .leaderChanged(nil)])
    }

    @Test("Foreign nodes in the directory are not members")
    func foreignNodes() {
        var election = ElectionState(candidate: nil, guid: "c", electsLeader: true)
        _ = election.handle(.sessionOpened, at: start)
        #expect(election.handle(.membersListed(["lock", "m_x", "info_0000000001"]), at: start) == [])
    }
}
