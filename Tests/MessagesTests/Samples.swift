import Messages
import Model

/// A message of which random values can be made.
protocol Sample: WireMessage, Hashable, Sendable {
    static func sample(_ random: inout Random) -> Self
    /// As it is after it was written and read: without the copies of bytes that reading keeps.
    var plain: Self { get }
}

extension Sample {
    var plain: Self { self }
}

/// Every message that travels on its own.
let allSamples: [any Sample.Type] = [
    Hello.self, HandshakeAnswer.self, HandshakeProof.self, AgentToRelay.self, RelayToAgent.self, RelayToMaster.self,
    MasterToRelay.self, MasterToAllocator.self, AllocatorToMaster.self, OperatorRequest.self, OperatorResponse.self,
    TaskInfo.self, ExecutorInfo.self, TaskStatus.self, FrameworkInfo.self, SchedulerCall.self, SchedulerEvent.self,
    ExecutorCall.self, ExecutorEvent.self, SupervisorCommand.self, SupervisorEvent.self,
]

/// Those, and what lies in files and in ZooKeeper.
let everyMessage: [any (WireMessage & Sendable).Type] =
    allSamples + [AgentLogRecord.self, MemberInfo.self]

// MARK: - Handshake

extension Hello: Sample {
    static func sample(_ random: inout Random) -> Hello {
        var hello = Hello(role: random.one(of: PeerRole.allCases), name: random.name())
        hello.version = random.index()
        hello.revision = random.index()
        hello.nonce = random.bytes()
        hello.epoch = Epoch(random.number())
        hello.sendsHeartbeats = random.flag()
        hello.address = random.text()
        hello.incarnation = random.bytes()
        hello.frameworkID = random.maybe { $0.id() }
        hello.subscription = random.maybe { Subscription(epoch: 3, counter: $0.number(), token: $0.uuid()) }
        hello.executorID = random.maybe { $0.id() }
        hello.isShadow = random.flag()
        hello.acceptsStandby = random.flag()
        return hello
    }
}

extension HandshakeProof: Sample {
    static func sample(_ random: inout Random) -> HandshakeProof { HandshakeProof(mac: random.bytes()) }
}

extension HandshakeAnswer: Sample {
    static func sample(_ random: inout Random) -> HandshakeAnswer {
        switch random.below(3) {
        case 0: return .challenge(nonce: random.uuid(), proof: random.bytes())
        case 1:
            var welcome = Welcome(role: random.one(of: PeerRole.allCases), name: random.text())
            welcome.epoch = Epoch(random.number())
            welcome.revision = random.index()
            welcome.incarnation = random.bytes()
            welcome.heartbeatInterval = .milliseconds(random.below(100_000))
            welcome.maxFrameBytes = random.below(1 << 30)
            welcome.relays = random.list(upTo: 3) { $0.text() }
            welcome.masters = random.list(upTo: 3) { $0.text() }
            return .welcome(welcome)
        default:
            let code = Refusal.Code(rawValue: UInt32(random.below(11)))!
            let refusal = Refusal(
                code, random.text(), leader: random.maybe { $0.name() }, epoch: Epoch(random.number()))
            return .refusal(refusal)
        }
    }
}

// MARK: - Agents and relays

extension Attachment {
    static func sample(_ random: inout Random) -> Attachment {
        Attachment(starts: random.number(), connects: random.number())
    }
}

extension TaskKey {
    static func sample(_ random: inout Random) -> TaskKey { TaskKey(random.id(), random.id()) }
}

extension ExecutorKey {
    static func sample(_ random: inout Random) -> ExecutorKey { ExecutorKey(random.id(), random.id()) }
}

extension TaskRecord {
    static func sample(_ random: inout Random) -> TaskRecord {
        var record = TaskRecord(
            number: random.number(), key: .sample(&random), name: random.text(), executorID: random.maybe { $0.id() },
            resources: random.resources(), role: random.text(), state: random.one(of: TaskState.allCases),
            acknowledgedState: random.maybe { $0.one(of: TaskState.allCases) }, sequence: random.number(),
            isUnacknowledged: random.flag(), isRemoved: random.flag(), latestStatus: random.bytes())
        record.priority = Int32(random.below(9)) - 4
        record.maxCompletionTime = random.maybe { .milliseconds(Int64(1 + $0.below(100_000))) }
        record.isEnding = random.flag()
        return record
    }
}

extension ExecutorRecord {
    static func sample(_ random: inout Random) -> ExecutorRecord {
        ExecutorRecord(
            key: .sample(&random), resources: random.resources(), role: random.text(), info: random.bytes())
    }
}

extension BookEntry {
    static func sample(_ random: inout Random) -> BookEntry {
        let change: Change =
            switch random.below(4) {
            case 0: .task(.sample(&random))
            case 1: .taskRemoved(number: random.number())
            case 2: .executor(.sample(&random))
            default: .executorExited(.sample(&random), status: Int32(random.below(70000)), message: random.text())
            }
        return BookEntry(position: random.number(), change)
    }
}

extension AgentRegistration {
    static func sample(_ random: inout Random) -> AgentRegistration {
        var sample = AgentRegistration(
            attachment: .sample(&random), agentID: random.maybe { $0.id() }, hostname: random.text(),
            sidePort: UInt16(random.below(65536)), total: random.resources(), attributes: random.bytes(),
            position: random.number(), tasks: random.list(upTo: 4) { .sample(&$0) },
            executors: random.list(upTo: 3) { .sample(&$0) },
            frameworks: random.list(upTo: 3) { FrameworkRecord(id: $0.id(), info: $0.bytes()) },
            epoch: Epoch(random.number()), mode: .sample(&random))
        sample.isContinued = random.flag()
        return sample
    }
}

extension AgentMode {
    static func sample(_ random: inout Random) -> AgentMode {
        switch random.below(3) {
        case 0: return .active
        case 1: return .deactivated
        default:
            let since = Instant(nanoseconds: Int64(random.below(1 << 50)))
            return .draining(.init(bound: random.maybe { $0.duration() }, since: since))
        }
    }
}

extension AgentOrder {
    static func sample(_ random: inout Random) -> AgentOrder {
        switch random.below(8) {
        case 7: return .restate
        case 6: return .setMode(.sample(&random))
        case 0:
            return .launch(
                LaunchOrder(
                    frameworkID: random.id(), role: random.text(), frameworkInfo: random.bytes(),
                    tasks: random.list(upTo: 4) { LaunchOrder.Task(taskID: $0.id(), info: $0.bytes()) },
                    groupExecutor: random.bytes()))
        case 1:
            return .kill(
                .sample(&random), grace: random.maybe { $0.duration() }, reason: random.text(),
                endsExecutor: random.flag())
        case 2: return .shutdownExecutor(.sample(&random))
        case 3: return .shutdownFramework(random.id())
        case 4: return .message(.sample(&random), random.bytes())
        default: return .acknowledge(.sample(&random), uuid: random.uuid())
        }
    }
}

extension StatusEnvelope {
    static func sample(_ random: inout Random) -> StatusEnvelope {
        StatusEnvelope(key: .sample(&random), uuid: random.uuid(), status: random.bytes())
    }
}

extension AgentToRelay: Sample {
    static func sample(_ random: inout Random) -> AgentToRelay {
        switch random.below(5) {
        case 0: .registration(.sample(&random))
        case 1: .status(.sample(&random))
        case 2: .book(.sample(&random))
        case 3: .resending(random.id())
        default: .message(.sample(&random), random.bytes())
        }
    }
}

extension RelayToAgent: Sample {
    static func sample(_ random: inout Random) -> RelayToAgent {
        switch random.below(7) {
        case 0: .order(Epoch(random.number()), .sample(&random), .sample(&random))
        case 1: .registered(.sample(&random), random.id(), Epoch(random.number()))
        case 2: .refused(.sample(&random), message: random.text())
        case 3: .bookConfirmed(.sample(&random), random.number())
        case 4: .resend(random.id())
        case 5: .directory(relays: random.list(upTo: 3) { $0.text() }, masters: random.list(upTo: 3) { $0.text() })
        default: .goElsewhere(message: random.text())
        }
    }
}

extension RelayToMaster: Sample {
    static func sample(_ random: inout Random) -> RelayToMaster {
        let index = random.index()
        return switch random.below(6) {
        case 0:
            .agentAttached(
                index: index, .sample(&random), sent: random.list(upTo: 3) { .sample(&$0) },
                issuedEpoch: Epoch(random.number()))
        case 1: .snapshotDone
        case 2: .agentDetached(index: index, .sample(&random))
        case 3: .book(index: index, .sample(&random), .sample(&random))
        case 4: .status(index: index, .sample(&random), subscription: random.number())
        default: .message(index: index, .sample(&random), random.bytes())
        }
    }
}

extension MasterToRelay: Sample {
    static func sample(_ random: inout Random) -> MasterToRelay {
        let index = random.index()
        return switch random.below(7) {
        case 0: .agentAccepted(index: index, .sample(&random), random.id())
        case 1: .agentRefused(index: index, .sample(&random), message: random.text())
        case 2: .order(index: index, .sample(&random), .sample(&random))
        case 3: .bookConfirmed(index: index, .sample(&random), random.number())
        case 4:
            .subscription(
                SubscriptionNotice(
                    frameworkID: random.id(),
                    subscription: Subscription(epoch: 9, counter: random.number(), token: random.bytes()),
                    usesRelays: random.flag(), isConnected: random.flag()))
        case 5: .frameworkRemoved(random.id())
        default: .directory(relays: random.list(upTo: 3) { $0.text() }, masters: random.list(upTo: 3) { $0.text() })
        }
    }
}

// MARK: - Allocators

extension AgentHolding {
    static func sample(_ random: inout Random) -> AgentHolding {
        AgentHolding(
            agent: random.index(), framework: random.index(), role: random.text(), resources: random.resources())
    }
}

extension MasterToAllocator: Sample {
    static func sample(_ random: inout Random) -> MasterToAllocator {
        switch random.below(16) {
        case 15: return .demand(framework: random.index(), role: random.text(), isWanting: random.flag())
        case 13:
            let policy = ClusterPolicy.sample(&random)
            return .policy(PolicyFacts(sharing: policy.sharing, revocation: policy.revocation))
        case 14:
            return .revocable(
                framework: random.index(),
                random.list(upTo: 3) {
                    RevocableTask(
                        agent: $0.index(), taskID: $0.id(), role: $0.text(), resources: $0.resources(),
                        priority: Int32($0.below(9)))
                })
        case 0:
            var facts = RoleFacts(role: random.text())
            facts.weight = Double(1 + random.below(1000)) / 8
            facts.guarantee = random.resources()
            facts.limit = random.maybe { $0.resources() }
            facts.priority = Int32(random.below(2000)) - 1000
            return .role(facts)
        case 1:
            var facts = FrameworkFacts(
                index: random.index(), id: random.id(), name: random.text(),
                roles: random.list(upTo: 3) { $0.text() })
            facts.suppressedRoles = random.list(upTo: 3) { $0.text() }
            facts.isActive = random.flag()
            facts.guarantee = random.resources()
            facts.limit = random.maybe { $0.resources() }
            facts.minimumOffers = random.list(upTo: 3) { $0.resources() }
            facts.weight = Double(1 + random.below(1000)) / 8
            facts.priority = Int32(random.below(2000)) - 1000
            facts.constraints = .sample(&random)
            return .framework(facts)
        case 2: return .frameworkRemoved(random.index())
        case 3:
            var facts = AgentFacts(
                index: random.index(), id: random.id(), hostname: random.text(), total: random.resources(),
                isOwned: random.flag(), ownership: random.number())
            let index = facts.index
            facts.attributes = random.bytes()
            facts.holdings = random.list(upTo: 4) {
                AgentHolding(agent: index, framework: $0.index(), role: $0.text(), resources: $0.resources())
            }
            facts.isActive = random.flag()
            facts.minimumOffer = random.resources()
            return .agent(facts)
        case 4: return .agentRemoved(random.index())
        case 5: return .synced
        case 6: return .held(.sample(&random))
        case 7: return .recovered(.sample(&random))
        case 8: return .filter(.sample(&random), remaining: random.duration())
        case 9: return .revived(framework: random.index(), roles: random.list(upTo: 3) { $0.text() })
        case 10: return .request(framework: random.index(), random.resources(), random.maybe { $0.id() })
        case 11:
            return .allocationRefused(
                proposal: random.number(), agent: random.index(), free: random.resources(), message: random.text())
        default: return .revocationRefused(proposal: random.number(), message: random.text())
        }
    }
}

extension AllocatorToMaster: Sample {
    static func sample(_ random: inout Random) -> AllocatorToMaster {
        switch random.below(4) {
        case 3: .tasksWanted(framework: random.index())
        case 0:
            .allocation(
                Allocation(proposal: random.number(), ownership: random.number(), holding: .sample(&random)))
        case 1:
            .revocation(
                Revocation(
                    proposal: random.number(), agent: random.index(), ownership: random.number(),
                    victim: random.index(), taskID: random.id(), beneficiary: random.index(),
                    grace: random.duration()))
        default: .ready
        }
    }
}

// MARK: - Operators

extension OperatorRequest: Sample {
    static func sample(_ random: inout Random) -> OperatorRequest {
        let kinds: [Kind] = [
            .status, .agents, .frameworks, .tasks, .offers, .kill(random.maybe { $0.id() }, random.id()),
            .teardown(random.id()), .policy, .roles, .shares, .compare,
            .explain(random.id(), wanted: random.resources()), .setMode(random.id(), .sample(&random)),
            .applyPolicy(.sample(&random), source: random.bytes(), isTrial: random.flag()),
        ]
        return OperatorRequest(id: random.number(), random.one(of: kinds))
    }
}

extension OperatorResponse: Sample {
    static func sample(_ random: inout Random) -> OperatorResponse {
        let id = random.number()
        switch random.below(12) {
        case 10:
            var row = ShadowRow(name: random.text())
            (row.index, row.shadowIndex) = (Double(random.below(5)) / 4, Double(random.below(5)) / 4)
            (row.proposals, row.refusals, row.revocations) = (random.number(), random.number(), random.number())
            row.watched = random.duration()
            return OperatorResponse(id: id, .shadow(row))
        case 11:
            var row = ComparisonRow(shadow: random.text(), frameworkID: random.id())
            (row.name, row.role, row.entitled) = (random.text(), random.text(), Double(random.below(5)) / 4)
            for path in [\ComparisonRow.real, \ComparisonRow.ifDecided] {
                row[keyPath: path].share = Double(random.below(5)) / 4
                (row[keyPath: path].waits, row[keyPath: path].tasks) = (random.number(), random.number())
                row[keyPath: path].meanWait = random.duration()
                row[keyPath: path].longestWait = random.duration()
            }
            return OperatorResponse(id: id, .comparison(row))
        case 9:
            var row = ObstacleRow(
                role: random.text(), obstacle: random.one(of: OfferObstacle.allCases), agents: random.index(),
                detail: random.text())
            row.nearest = random.list(upTo: 3) { $0.text() }
            row.ahead = random.list(upTo: 3) {
                AheadRow(
                    frameworkID: FrameworkID($0.text()), name: $0.text(), role: $0.text(), dominantShare: 0.25,
                    isOffered: $0.flag())
            }
            return OperatorResponse(id: id, .obstacle(row))
        case 7: return OperatorResponse(id: id, .policy(.sample(&random), source: random.bytes()))
        case 8: return OperatorResponse(id: id, .share(.sample(&random)))
        case 0:
            var status = ClusterStatus()
            status.name = random.text()
            status.epoch = Epoch(random.number())
            status.address = random.text()
            (status.agents, status.relays, status.allocators) = (random.index(), random.index(), random.index())
            (status.frameworks, status.tasks, status.offers) = (random.index(), random.index(), random.index())
            (status.total, status.used, status.offered) = (random.resources(), random.resources(), random.resources())
            status.leadingFor = random.duration()
            (status.agentsAway, status.agentsUnreachable) = (random.index(), random.index())
            status.notes = (0..<random.below(3)).map { _ in random.text() }
            return OperatorResponse(id: id, .status(status))
        case 1:
            var row = AgentRow(id: random.id())
            (row.hostname, row.relay, row.attributes) = (random.text(), random.text(), random.text())
            row.allocator = random.text()
            row.sidePort = UInt16(random.below(65536))
            (row.isAttached, row.isActive) = (random.flag(), random.flag())
            (row.total, row.used, row.offered) = (random.resources(), random.resources(), random.resources())
            row.tasks = random.index()
            return OperatorResponse(id: id, .agent(row))
        case 2:
            var row = FrameworkRow(id: random.id())
            (row.name, row.user, row.roles) = (random.text(), random.text(), random.list(upTo: 2) { $0.text() })
            (row.isConnected, row.isSuppressed) = (random.flag(), random.flag())
            (row.tasks, row.offers) = (random.index(), random.index())
            (row.used, row.offered) = (random.resources(), random.resources())
            row.dominantShare = Double(random.below(1000)) / 1000
            return OperatorResponse(id: id, .framework(row))
        case 3:
            var row = TaskRow(key: .sample(&random), state: random.one(of: TaskState.allCases))
            row.agentID = random.maybe { $0.id() }
            row.executorID = random.maybe { $0.id() }
            (row.name, row.hostname, row.message) = (random.text(), random.text(), random.text())
            row.resources = random.resources()
            row.sidePort = UInt16(random.below(65536))
            row.started = Double(random.below(1_000_000)) / 7
            row.isHistory = random.flag()
            return OperatorResponse(id: id, .task(row))
        case 4:
            var row = OfferRow(id: random.id(), frameworkID: random.id(), agentID: random.id())
            row.hostname = random.text()
            row.resources = random.resources()
            row.age = random.duration()
            return OperatorResponse(id: id, .offer(row))
        case 5: return OperatorResponse(id: id, .failure(random.text()))
        default: return OperatorResponse(id: id, .done)
        }
    }
}

extension ClusterPolicy {
    static func sample(_ random: inout Random) -> ClusterPolicy {
        var policy = ClusterPolicy()
        policy.sharing = random.one(of: SharingPolicy.allCases)
        policy.revocation.wait = random.maybe { $0.duration() }
        policy.revocation.grace = random.duration()
        policy.roles = random.list(upTo: 3) { random in
            var facts = RoleFacts(role: random.text())
            facts.weight = Double(random.below(1000) + 1) / 100
            facts.priority = Int32(random.below(100))
            (facts.guarantee, facts.limit) = (random.resources(), random.maybe { $0.resources() })
            return facts
        }
        policy.frameworks = random.list(upTo: 3) { random in
            var rule = FrameworkRule(framework: random.text())
            rule.weight = Double(random.below(1000) + 1) / 100
            rule.priority = Int32(random.below(100))
            (rule.guarantee, rule.limit) = (random.resources(), random.maybe { $0.resources() })
            return rule
        }
        policy.slots = random.maybe { random in
            var slots = SlotRules()
            slots.longThousandths = Int64(random.below(1001))
            slots.shortTime = random.duration()
            return slots
        }
        policy.minimumOffer = random.resources()
        policy.taskLimit = random.maybe { $0.resources() }
        policy.users = random.list(upTo: 3) { random in
            UserRule(principal: random.text(), users: random.list(upTo: 3) { $0.text() })
        }
        return policy
    }
}

extension ShareRow {
    static func sample(_ random: inout Random) -> ShareRow {
        var row = ShareRow(role: random.text(), frameworkID: random.maybe { $0.id() })
        (row.name, row.dominantResource, row.waitsFor) = (random.text(), random.text(), random.text())
        row.weight = Double(random.below(1000) + 1) / 100
        row.priority = Int32(random.below(100))
        (row.guarantee, row.limit, row.held) = (
            random.resources(), random.maybe { $0.resources() }, random.resources()
        )
        row.dominantShare = Double(random.below(1000)) / 1000
        row.frameworks = random.index()
        return row
    }
}
