internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.AgentLogRecord`.
extension AgentLogRecord: WireMessage {
    /// Reads a record as it stands in the log.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentLogRecord>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_STARTED:
            let started = c.pointee.started!.pointee
            self = .started(starts: started.starts, boot: try reader.text(started.boot, "started.boot"))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_IDENTITY:
            self = .identity(try reader.id(c.pointee.identity, "identity"))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_EPOCH_SEEN:
            self = .epochSeen(Epoch(c.pointee.epoch_seen))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_FRAMEWORK_SEEN:
            self = .frameworkSeen(try FrameworkRecord(c.pointee.framework_seen, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_TASK_ACCEPTED:
            self = .taskAccepted(try TaskAcceptance(c.pointee.task_accepted, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_EXECUTOR_ACCEPTED:
            self = .executorAccepted(try ExecutorAcceptance(c.pointee.executor_accepted, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_KILL_REQUESTED:
            let kill = c.pointee.kill_requested!.pointee
            let grace = kill.grace_ns == -1 ? nil : try reader.duration(kill.grace_ns, "kill_requested.grace_ns")
            self = .killRequested(number: kill.number, grace: grace)
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_TASK_STATUS:
            self = .taskStatus(try LoggedStatus(c.pointee.task_status, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_ACKNOWLEDGED:
            let acknowledged = c.pointee.acknowledged!.pointee
            self = .acknowledged(
                number: acknowledged.number, sequence: acknowledged.sequence,
                position: acknowledged.position == 0 ? nil : acknowledged.position)
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_EXECUTOR_EXITED:
            self = .executorExited(try ExecutorExit(c.pointee.executor_exited, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_BOOK_CONFIRMED:
            self = .bookConfirmed(c.pointee.book_confirmed)
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_DEACTIVATED:
            self = .deactivated(c.pointee.deactivated != 0)
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_MODE:
            self = .mode(try AgentMode(c.pointee.mode, reader))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_COUNTERS:
            let counters = c.pointee.counters!.pointee
            self = .counters(
                AgentCounters(
                    number: counters.number, runID: counters.run_id, position: counters.position,
                    confirmed: counters.confirmed))
        case MESETA__WIRE__AGENT_LOG_RECORD__KIND_CONFIGURED:
            let configured = c.pointee.configured!.pointee
            self = .configured(
                AgentConfiguration(
                    total: try Resources(configured.total, reader, "configured.total"),
                    attributes: try reader.texts(
                        configured.n_attributes, configured.attributes, "configured.attributes")))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives it the form that the log holds.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__AgentLogRecord.self)
        switch self {
        case .started(let starts, let boot):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_STARTED
            c.pointee.started = arena.make()
            c.pointee.started.pointee.starts = starts
            c.pointee.started.pointee.boot = arena.text(boot)
        case .identity(let id):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_IDENTITY
            c.pointee.identity = arena.text(id.rawValue)
        case .epochSeen(let epoch):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_EPOCH_SEEN
            c.pointee.epoch_seen = epoch.value
        case .frameworkSeen(let record):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_FRAMEWORK_SEEN
            c.pointee.framework_seen = record.c(in: arena)
        case .taskAccepted(let acceptance):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_TASK_ACCEPTED
            c.pointee.task_accepted = acceptance.c(in: arena)
        case .executorAccepted(let acceptance):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_EXECUTOR_ACCEPTED
            c.pointee.executor_accepted = acceptance.c(in: arena)
        case .killRequested(let number, let grace):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_KILL_REQUESTED
            c.pointee.kill_requested = arena.make()
            c.pointee.kill_requested.pointee.number = number
            c.pointee.kill_requested.pointee.grace_ns = grace?.nanoseconds ?? -1
        case .taskStatus(let status):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_TASK_STATUS
            c.pointee.task_status = status.c(in: arena)
        case .acknowledged(let number, let sequence, let position):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_ACKNOWLEDGED
            c.pointee.acknowledged = arena.make()
            c.pointee.acknowledged.pointee.number = number
            c.pointee.acknowledged.pointee.sequence = sequence
            c.pointee.acknowledged.pointee.position = position ?? 0
        case .executorExited(let exit):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_EXECUTOR_EXITED
            c.pointee.executor_exited = exit.c(in: arena)
        case .bookConfirmed(let position):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_BOOK_CONFIRMED
            c.pointee.book_confirmed = position
        case .deactivated(let isDeactivated):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_DEACTIVATED
            c.pointee.deactivated = isDeactivated ? 1 : 0
        case .mode(let mode):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_MODE
            c.pointee.mode = mode.c(in: arena)
        case .counters(let counters):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_COUNTERS
            c.pointee.counters = arena.make()
            c.pointee.counters.pointee.number = counters.number
            c.pointee.counters.pointee.run_id = counters.runID
            c.pointee.counters.pointee.position = counters.position
            c.pointee.counters.pointee.confirmed = counters.confirmed
        case .configured(let configuration):
            c.pointee.kind_case = MESETA__WIRE__AGENT_LOG_RECORD__KIND_CONFIGURED
            c.pointee.configured = arena.make()
            c.pointee.configured.pointee.total = configuration.total.c(in: arena)
            c.pointee.configured.pointee.n_attributes = configuration.attributes.count
            c.pointee.configured.pointee.attributes = arena.texts(configuration.attributes)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.AgentLogRecord.TaskAccepted`.
extension TaskAcceptance {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__TaskAccepted>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("TaskAccepted")
        self.init(
            number: c.pointee.number, key: try reader.taskKey(c.pointee.framework_id, c.pointee.task_id),
            role: try reader.text(c.pointee.role, "role"), info: reader.bytes(c.pointee.info),
            executorID: try reader.optionalID(c.pointee.executor_id, "executor_id"), runID: c.pointee.run_id,
            group: c.pointee.group_first == 0
                ? nil : Group(first: c.pointee.group_first, count: c.pointee.group_count),
            isRefused: c.pointee.refused != 0, position: c.pointee.position)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__TaskAccepted> {
        let c = arena.make(Meseta__Wire__AgentLogRecord__TaskAccepted.self)
        c.pointee.number = self.number
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.task_id = arena.text(self.key.task.rawValue)
        c.pointee.role = arena.text(self.role)
        c.pointee.info = arena.binary(self.info)
        if let executorID { c.pointee.executor_id = arena.text(executorID.rawValue) }
        c.pointee.run_id = self.runID
        c.pointee.group_first = self.group?.first ?? 0
        c.pointee.group_count = self.group?.count ?? 0
        c.pointee.refused = self.isRefused ? 1 : 0
        c.pointee.position = self.position
        return c
    }
}

/// `meseta.wire.AgentLogRecord.ExecutorAccepted`.
extension ExecutorAcceptance {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__ExecutorAccepted>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("ExecutorAccepted")
        self.init(
            key: try reader.executorKey(c.pointee.framework_id, c.pointee.executor_id),
            role: try reader.text(c.pointee.role, "role"), info: reader.bytes(c.pointee.info),
            runID: c.pointee.run_id, token: try reader.text(c.pointee.token, "token"), position: c.pointee.position)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__ExecutorAccepted> {
        let c = arena.make(Meseta__Wire__AgentLogRecord__ExecutorAccepted.self)
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.executor_id = arena.text(self.key.executor.rawValue)
        c.pointee.role = arena.text(self.role)
        c.pointee.info = arena.binary(self.info)
        c.pointee.run_id = self.runID
        c.pointee.token = arena.text(self.token)
        c.pointee.position = self.position
        return c
    }
}

/// `meseta.wire.AgentLogRecord.Status`.
extension LoggedStatus {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__Status>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("Status")
        self.init(
            number: c.pointee.number, sequence: c.pointee.sequence,
            state: try reader.taskState(c.pointee.state, "state"), uuid: try reader.uuid(c.pointee.uuid, "uuid"),
            status: reader.bytes(c.pointee.status), position: c.pointee.position)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__Status> {
        let c = arena.make(Meseta__Wire__AgentLogRecord__Status.self)
        c.pointee.number = self.number
        c.pointee.sequence = self.sequence
        c.pointee.state = self.state.rawValue
        c.pointee.uuid = arena.binary(self.uuid)
        c.pointee.status = arena.binary(self.status)
        c.pointee.position = self.position
        return c
    }
}

/// `meseta.wire.AgentLogRecord.ExecutorExited`.
extension ExecutorExit {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__ExecutorExited>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("ExecutorExited")
        self.init(
            key: try reader.executorKey(c.pointee.framework_id, c.pointee.executor_id), runID: c.pointee.run_id,
            status: c.pointee.status, message: try reader.text(c.pointee.message, "message"),
            position: c.pointee.position)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentLogRecord__ExecutorExited> {
        let c = arena.make(Meseta__Wire__AgentLogRecord__ExecutorExited.self)
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.executor_id = arena.text(self.key.executor.rawValue)
        c.pointee.run_id = self.runID
        c.pointee.status = self.status
        c.pointee.message = arena.text(self.message)
        c.pointee.position = self.position
        return c
    }
}
