import Messages
import Model
import Testing

/// What a service does not read, it passes on as it came.
struct CarriedBytesTests {
    private let task = Raw.text(1, "n") + Raw.id(2, "t1") + Raw.id(3, "a")
    /// A field that only a later version knows.
    private let later = Raw.bytes(2000, [1, 2, 3]) + Raw.number(2001, 7)

    private func accept(_ operation: Bytes) throws -> [SchedulerCall.Operation] {
        let accept = Raw.id(1, "o") + Raw.bytes(2, operation)
        let call = try SchedulerCall(encoded: Raw.id(1, "f") + Raw.number(2, 3) + Raw.bytes(4, accept))
        guard case .accept(let accept) = call.kind else { return [] }
        return accept.operations
    }

    private func launch(_ tasks: [Bytes]) throws -> [TaskLaunch] {
        let operation = Raw.number(1, 1) + Raw.bytes(2, tasks.flatMap { Raw.bytes(1, $0) })
        guard case .launch(let launches) = try self.accept(operation).first else { return [] }
        return launches
    }

    @Test("A task reaches the agent with every byte that its scheduler wrote")
    func taskBytes() throws {
        let bytes = self.later + self.task + Raw.bytes(10, Raw.bytes(1, Raw.text(1, "k"))) + self.later
        guard case .task(let task) = try self.launch([bytes]).first else { throw MessageError(.malformed, in: "test") }
        #expect(task.encoded == bytes)
        #expect(task.encoded() == bytes)
        #expect(ProtobufCodec().encode(task) == bytes)
    }

    @Test("An executor reaches the agent with every byte, also if protobuf merges it from two parts")
    func executorBytes() throws {
        let first = Raw.id(1, "e") + self.later
        let second = Raw.text(9, "name") + self.later + Raw.id(1, "e")
        let task = try TaskInfo(encoded: Raw.bytes(5, first) + self.task + Raw.bytes(5, second))
        #expect(task.executor?.encoded == first + second)
        #expect(task.executor?.name == "name")
        let again = try ExecutorInfo(encoded: first + second)
        #expect(again == task.executor)
    }

    @Test("A framework's description keeps what this version does not know")
    func frameworkBytes() throws {
        let info = Raw.text(1, "u") + Raw.text(2, "n") + Raw.text(9, "http://ui") + self.later
        let call = try SchedulerCall(encoded: Raw.number(2, 1) + Raw.bytes(3, Raw.bytes(1, info)))
        guard case .subscribe(let subscribe) = call.kind else { throw MessageError(.malformed, in: "test") }
        #expect(subscribe.framework.encoded == info)
        #expect(ProtobufCodec().encode(subscribe.framework) == info)
    }

    @Test("A status keeps its labels, its container and what this version does not know")
    func statusBytes() throws {
        let unread =
            Raw.bytes(12, Raw.bytes(1, Raw.text(1, "k"))) + Raw.bytes(13, Raw.number(3, 17))
            + Raw.bytes(14, Raw.number(1, 5)) + self.later
        let status = try TaskStatus(
            encoded: Raw.bytes(12, Raw.bytes(1, Raw.text(1, "k"))) + Raw.id(1, "t") + Raw.bytes(13, Raw.number(3, 17))
                + Raw.number(2, 1) + Raw.bytes(14, Raw.number(1, 5)) + self.later)
        #expect(status.unread == unread)
        #expect(status.encoded() == Raw.id(1, "t") + Raw.number(2, 1) + unread)
        let plain = try TaskStatus(encoded: Raw.id(1, "t") + Raw.number(2, 1))
        #expect(plain.unread.isEmpty)
    }

    @Test("What a task used up beyond its limit is read if it is plain amounts, and else kept as it came")
    func limitationBytes() throws {
        func resource(_ more: Bytes = []) -> Bytes {
            Raw.bytes(1, Raw.text(1, "mem") + Raw.number(2, 0) + Raw.bytes(3, Raw.double(1, 64.5)) + more)
        }
        let head = Raw.id(1, "t") + Raw.number(2, 3)
        let plain = try TaskStatus(encoded: head + Raw.bytes(16, resource()))
        #expect(plain.limitation == "mem:64.5" && plain.unread.isEmpty)
        #expect(plain.encoded() == head + Raw.bytes(16, resource()))
        #expect(try TaskStatus(encoded: head + Raw.bytes(16, [])).limitation == Resources())
        // A role, an allocation, a field of a later version, an amount below zero.
        let negative = Raw.bytes(1, Raw.text(1, "mem") + Raw.number(2, 0) + Raw.bytes(3, Raw.double(1, -1)))
        for other in [
            resource(Raw.text(6, "dev")), resource(Raw.text(6, "*")), resource(Raw.bytes(11, Raw.text(1, "dev"))),
            resource(self.later), resource() + self.later, negative,
        ] {
            let status = try TaskStatus(encoded: head + Raw.bytes(16, other))
            #expect(status.limitation == nil && status.unread == Raw.bytes(16, other))
            #expect(status.encoded() == head + Raw.bytes(16, other))
        }
    }

    @Test("A task that cannot be read fails alone, with its id if that can be read")
    func unreadableTasks() throws {
        let launches = try self.launch([
            self.task, Raw.text(1, "n") + Raw.id(2, "t2"), [0xff, 0xff], Raw.text(1, "n") + Raw.bytes(2, [9]),
            self.task + Raw.bytes(4, Raw.text(1, "cpus") + Raw.number(2, 0) + Raw.bytes(3, Raw.double(1, -1))),
            self.task + Raw.bytes(7, [1]),
        ])
        #expect(launches.count == 6)
        guard case .task = launches[0] else { throw MessageError(.malformed, in: "test") }
        #expect(launches[1] == .unreadable("t2", reason: "TaskInfo.agent_id is missing"))
        guard case .unreadable(nil, _) = launches[2], case .unreadable(nil, _) = launches[3] else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(launches[4] == .unreadable("t1", reason: "TaskInfo.resources[cpus] is negative"))
        guard case .unreadable("t1", _) = launches[5] else { throw MessageError(.malformed, in: "test") }
    }

    @Test("A group whose executor cannot be read is answered task by task")
    func unreadableExecutor() throws {
        func group(_ executor: Bytes) throws -> [SchedulerCall.Operation] {
            let group = Raw.bytes(1, executor) + Raw.bytes(2, Raw.bytes(1, self.task) + Raw.bytes(1, [0x08]))
            return try self.accept(Raw.number(1, 6) + Raw.bytes(7, group))
        }
        guard case .launchGroup(let executor, let tasks) = try group(Raw.id(1, "e")).first else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(executor.executorID == "e" && tasks.count == 2)
        guard case .launch(let refused) = try group(Raw.text(9, "nameless")).first else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(refused.first == .unreadable("t1", reason: "ExecutorInfo.executor_id is missing"))
        guard case .unreadable(nil, _) = refused.last else { throw MessageError(.malformed, in: "test") }
    }

    @Test("What could not be read stays unreadable when it is written again")
    func unreadableAgain() throws {
        let launch = SchedulerCall.Operation.launch([.unreadable("t", reason: "x"), .unreadable(nil, reason: "y")])
        let call = SchedulerCall(frameworkID: "f", .accept(.init(offerIDs: ["o"], operations: [launch])))
        guard case .accept(let accept) = try SchedulerCall(encoded: call.encoded()).kind,
            case .launch(let launches) = accept.operations[0]
        else { throw MessageError(.malformed, in: "test") }
        guard case .unreadable("t", _) = launches[0], case .unreadable(nil, _) = launches[1] else {
            throw MessageError(.malformed, in: "test")
        }
    }

    @Test("An offer shows the attributes that its agent registered, byte for byte")
    func offerAttributes() throws {
        let attribute = Raw.text(1, "rack") + Raw.number(2, 3) + Raw.bytes(5, Raw.text(1, "r1")) + self.later
        let domain = self.later
        let info = Raw.text(1, "n1") + Raw.bytes(5, attribute) + Raw.bytes(5, attribute) + Raw.bytes(10, domain)
        let offer = Offer(
            id: "o", frameworkID: "f", agentID: "a", hostname: "n1", sidePort: 5051, resources: "cpus:1",
            role: "dev", attributes: info)
        #expect(try SchedulerEvent(encoded: SchedulerEvent.offers([offer]).encoded()) == .offers([offer]))
        let rack = Attribute(name: "rack", value: .text("r1"))
        #expect(ProtobufCodec().attributes(info) == [rack, rack])
    }
}
