import Messages
import Model
import Testing

/// What is checked of what others write, and what they are told.
struct ForeignBytesTests {
    private let status = Raw.id(1, "t") + Raw.number(2, 1)

    @Test("A field that must be there and is not is named")
    func missingFields() {
        #expect(throws: MessageError(.missing(field: "state"), in: "TaskStatus")) {
            try TaskStatus(encoded: Raw.id(1, "t"))
        }
        #expect(throws: MessageError(.missing(field: "task_id.value"), in: "TaskStatus")) {
            try TaskStatus(encoded: Raw.bytes(1, []) + Raw.number(2, 1))
        }
        #expect(throws: MessageError(.missing(field: "agent_id"), in: "TaskInfo")) {
            try TaskInfo(encoded: Raw.text(1, "n") + Raw.id(2, "t"))
        }
        #expect(throws: MessageError(.missing(field: "type"), in: "scheduler.Call")) { try SchedulerCall(encoded: []) }
        #expect(throws: MessageError(.missing(field: "framework_id"), in: "scheduler.Call")) {
            try SchedulerCall(encoded: Raw.number(2, 2))
        }
        #expect(throws: MessageError(.missing(field: "accept"), in: "scheduler.Call")) {
            try SchedulerCall(encoded: Raw.id(1, "f") + Raw.number(2, 3))
        }
        #expect(throws: MessageError(.missing(field: "subscribe.framework_info"), in: "scheduler.Call")) {
            try SchedulerCall(encoded: Raw.number(2, 1) + Raw.bytes(3, []))
        }
        #expect(throws: MessageError(.missing(field: "kind"), in: "AgentToRelay")) { try AgentToRelay(encoded: []) }
        #expect("\(MessageError(.missing(field: "agent_id"), in: "TaskInfo"))" == "TaskInfo.agent_id is missing")
    }

    @Test("A field of the wrong form is malformed")
    func wrongWireType() {
        #expect(throws: MessageError(.malformed, in: "TaskStatus")) {
            try TaskStatus(encoded: Raw.number(1, 5) + Raw.number(2, 1))
        }
        #expect(throws: MessageError(.malformed, in: "TaskStatus")) {
            try TaskStatus(encoded: self.status + Bytes(repeating: 0xff, count: 12))
        }
    }

    @Test("Offer constraints that are too many, or hold too much text, are refused before a pattern is compiled")
    func manyConstraints() throws {
        func read(_ count: Int, _ predicate: AttributeConstraint.Predicate) throws {
            let groups = Array(repeating: [AttributeConstraint(.attribute("a"), predicate)], count: count)
            var subscribe = SchedulerCall.Subscribe(framework: FrameworkInfo(user: "u", name: "n"))
            subscribe.constraints = ["*": OfferConstraints(groups: groups)]
            _ = try SchedulerCall(encoded: SchedulerCall(frameworkID: nil, .subscribe(subscribe)).encoded())
        }
        try read(1000, .exists)
        let field = "role_constraints"
        #expect(
            throws: MessageError(
                .invalid(field: field, reason: "holds more than 1000 constraints"), in: "OfferConstraints")
        ) { try read(1001, .exists) }
        try read(16, .textMatches(TextPattern(String(repeating: "a", count: 4095))))
        let reason = "holds 65552 bytes of text, the limit is 65536"
        #expect(throws: MessageError(.invalid(field: field, reason: reason), in: "OfferConstraints")) {
            try read(16, .textNotMatches(TextPattern(String(repeating: "a", count: 4096))))
        }
        #expect(throws: MessageError.self) { try read(2, .textEquals(String(repeating: "a", count: 33_000))) }
    }

    @Test("Text that holds a NUL is refused, where C would see a shorter one")
    func embeddedNUL() {
        #expect(throws: MessageError(.invalid(field: "task_id", reason: "holds a NUL"), in: "TaskStatus")) {
            try TaskStatus(encoded: Raw.bytes(1, Raw.bytes(1, [0x61, 0, 0x62])) + Raw.number(2, 1))
        }
        #expect(throws: MessageError(.invalid(field: "name", reason: "holds a NUL"), in: "Hello")) {
            try Hello(encoded: Raw.number(2, 1) + Raw.bytes(3, [0]))
        }
        #expect(throws: MessageError(.invalid(field: "message", reason: "holds a NUL"), in: "TaskStatus")) {
            try TaskStatus(encoded: self.status + Raw.bytes(4, [0x61, 0]))
        }
    }

    @Test(
        "Text that is not UTF-8 is refused",
        arguments: [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]] as [Bytes])
    func badUTF8(bytes: Bytes) {
        #expect(throws: MessageError(.invalid(field: "message", reason: "is not UTF-8"), in: "TaskStatus")) {
            try TaskStatus(encoded: self.status + Raw.bytes(4, bytes))
        }
    }

    @Test("Bytes may hold anything")
    func anyBytes() throws {
        let data = (0...255).map(UInt8.init)
        #expect(try TaskStatus(encoded: self.status + Raw.bytes(3, data)).data == data)
    }

    @Test("An empty id is refused where one must be, and is no id where one may be")
    func emptyIDs() throws {
        #expect(throws: MessageError(.invalid(field: "task_id", reason: "is empty"), in: "TaskStatus")) {
            try TaskStatus(encoded: Raw.id(1, "") + Raw.number(2, 1))
        }
        #expect(try TaskStatus(encoded: self.status + Raw.id(5, "")).agentID == nil)
        let info = try FrameworkInfo(encoded: Raw.text(1, "u") + Raw.text(2, "n") + Raw.id(3, ""))
        #expect(info.id == nil)
    }

    @Test("A state or source that this version does not know is refused, and a reason is carried")
    func unknownEnums() throws {
        let error = #expect(throws: MessageError.self) { try TaskStatus(encoded: Raw.id(1, "t") + Raw.number(2, 99)) }
        #expect(error?.description == "TaskStatus.state is 99, which is no TaskState that this version knows")
        #expect(throws: MessageError.self) { try TaskStatus(encoded: self.status + Raw.number(9, 7)) }
        #expect(throws: MessageError.self) { try Hello(encoded: Raw.number(2, 0)) }
        #expect(throws: MessageError.self) { try Hello(encoded: Raw.number(2, 8)) }
        let reason = try TaskStatus(encoded: self.status + Raw.number(10, 4711)).reason
        #expect(reason == StatusReason(rawValue: 4711))
        let refusal = Raw.bytes(3, Raw.number(1, 77) + Raw.text(2, "no"))
        #expect(try HandshakeAnswer(encoded: refusal) == .refusal(Refusal(.unknown, "no")))
    }

    @Test("A uuid is 16 bytes", arguments: [0, 15, 17, 36])
    func uuids(length: Int) {
        let uuid = Bytes(repeating: 1, count: length)
        let reason = "must be 16 bytes, not \(length)"
        let acknowledge = Raw.id(1, "a") + Raw.id(2, "t") + Raw.bytes(3, uuid)
        #expect(throws: MessageError(.invalid(field: "acknowledge.uuid", reason: reason), in: "scheduler.Call")) {
            try SchedulerCall(encoded: Raw.id(1, "f") + Raw.number(2, 8) + Raw.bytes(8, acknowledge))
        }
        #expect(throws: MessageError(.invalid(field: "uuid", reason: reason), in: "TaskStatus")) {
            try TaskStatus(encoded: self.status + Raw.bytes(11, uuid))
        }
    }

    @Test("A time that is no time is refused", arguments: [Double.nan, .infinity, -.infinity])
    func times(value: Double) {
        #expect(throws: MessageError.self) { try TaskStatus(encoded: self.status + Raw.double(6, value)) }
        #expect(throws: MessageError.self) {
            try FrameworkInfo(encoded: Raw.text(1, "u") + Raw.text(2, "n") + Raw.double(4, value))
        }
    }

    @Test("Calls and operations that are not carried out are named, so that they can be answered")
    func unsupportedCalls() throws {
        func kind(_ type: UInt64) throws -> SchedulerCall.Kind {
            try SchedulerCall(encoded: Raw.id(1, "f") + Raw.number(2, type)).kind
        }
        #expect(try kind(15) == .unsupported("ACKNOWLEDGE_OPERATION_STATUS"))
        #expect(try kind(16) == .unsupported("RECONCILE_OPERATIONS"))
        #expect(try kind(0) == .unsupported("UNKNOWN"))
        #expect(try kind(99) == .unsupported("99"))
        let reserve = Raw.bytes(4, Raw.bytes(2, Raw.number(1, 2)))
        let call = try SchedulerCall(encoded: Raw.id(1, "f") + Raw.number(2, 3) + reserve)
        #expect(call.kind == .accept(.init(offerIDs: [], operations: [.unsupported("RESERVE")])))
    }

    @Test("Events of a kind that this version does not know can be told from bad ones")
    func unknownEvents() {
        let error = MessageError(.unknownKind(name: "11"), in: "scheduler.Event")
        #expect(throws: error) { try SchedulerEvent(encoded: Raw.number(1, 11) + Raw.bytes(11, [])) }
        #expect(throws: MessageError(.unknownKind(name: "55"), in: "executor.Event")) {
            try ExecutorEvent(encoded: Raw.number(1, 55))
        }
        #expect(throws: MessageError(.unknownKind(name: "99"), in: "RelayToAgent")) {
            try RelayToAgent(encoded: Raw.bytes(99, [1, 2]))
        }
    }

    @Test("A scheduler that subscribes under two ids is told so")
    func subscribeIDs() throws {
        func call(_ own: Bytes, _ info: Bytes) throws -> SchedulerCall {
            let info = Raw.text(1, "u") + Raw.text(2, "n") + info
            return try SchedulerCall(encoded: own + Raw.number(2, 1) + Raw.bytes(3, Raw.bytes(1, info)))
        }
        #expect(throws: MessageError.self) { try call(Raw.id(1, "a"), Raw.id(3, "b")) }
        #expect(try call(Raw.id(1, "a"), Raw.id(3, "a")).frameworkID == "a")
        #expect(try call([], Raw.id(3, "a")).frameworkID == "a")
        #expect(try call(Raw.id(1, "a"), []).frameworkID == "a")
        #expect(try call([], []).frameworkID == nil)
    }

    @Test("A command whose environment cannot be made as asked for is refused")
    func environments() throws {
        func task(_ variable: Bytes) throws -> CommandInfo? {
            let command = Raw.text(3, "true") + Raw.bytes(2, variable)
            return try TaskInfo(
                encoded: Raw.text(1, "n") + Raw.id(2, "t") + Raw.id(3, "a") + Raw.bytes(7, command)
            ).command
        }
        func variable(_ name: String, _ value: String) -> Bytes {
            Raw.bytes(1, Raw.text(1, name) + Raw.text(2, value))
        }
        #expect(try task(variable("A", "1") + variable("A", "2"))?.environment == ["A": "2"])
        #expect(throws: MessageError.self) { try task(variable("", "1")) }
        #expect(throws: MessageError.self) { try task(variable("A=B", "1")) }
        #expect(throws: MessageError.self) { try task(Raw.bytes(1, Raw.text(1, "A"))) }
        #expect(throws: MessageError.self) { try task(Raw.bytes(1, Raw.text(1, "A") + Raw.number(3, 2))) }
    }
}
