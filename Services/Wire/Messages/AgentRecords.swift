internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.TaskRecord`.
extension TaskRecord {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__TaskRecord>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("TaskRecord")
        self.init(
            number: c.pointee.number,
            key: try reader.taskKey(c.pointee.framework_id, c.pointee.task_id),
            name: try reader.text(c.pointee.name, "name"),
            executorID: try reader.optionalID(c.pointee.executor_id, "executor_id"),
            resources: try reader.resources(c.pointee.resources, "resources"),
            role: try reader.text(c.pointee.role, "role"),
            state: try reader.taskState(c.pointee.state, "state"),
            acknowledgedState: c.pointee.acknowledged_state == -1
                ? nil : try reader.taskState(c.pointee.acknowledged_state, "acknowledged_state"),
            sequence: c.pointee.sequence,
            isUnacknowledged: c.pointee.unacknowledged != 0,
            isRemoved: c.pointee.removed != 0,
            latestStatus: reader.bytes(c.pointee.latest_status))
        self.priority = c.pointee.priority
        let time = try reader.duration(c.pointee.max_completion_ns, "max_completion_ns")
        self.maxCompletionTime = time == .zero ? nil : time
        self.isEnding = c.pointee.ending != 0
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__TaskRecord> {
        let c = arena.make(Meseta__Wire__TaskRecord.self)
        c.pointee.number = self.number
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.task_id = arena.text(self.key.task.rawValue)
        c.pointee.name = arena.text(self.name)
        if let executorID { c.pointee.executor_id = arena.text(executorID.rawValue) }
        c.pointee.resources = self.resources.c(in: arena)
        c.pointee.role = arena.text(self.role)
        c.pointee.state = self.state.rawValue
        c.pointee.acknowledged_state = self.acknowledgedState?.rawValue ?? -1
        c.pointee.sequence = self.sequence
        c.pointee.unacknowledged = self.isUnacknowledged ? 1 : 0
        c.pointee.removed = self.isRemoved ? 1 : 0
        c.pointee.latest_status = arena.binary(self.latestStatus)
        c.pointee.priority = self.priority
        c.pointee.max_completion_ns = self.maxCompletionTime?.nanoseconds ?? 0
        c.pointee.ending = self.isEnding ? 1 : 0
        return c
    }
}

/// `meseta.wire.ExecutorRecord`.
extension ExecutorRecord {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__ExecutorRecord>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("ExecutorRecord")
        self.init(
            key: try reader.executorKey(c.pointee.framework_id, c.pointee.executor_id),
            resources: try reader.resources(c.pointee.resources, "resources"),
            role: try reader.text(c.pointee.role, "role"), info: reader.bytes(c.pointee.info))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__ExecutorRecord> {
        let c = arena.make(Meseta__Wire__ExecutorRecord.self)
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.executor_id = arena.text(self.key.executor.rawValue)
        c.pointee.resources = self.resources.c(in: arena)
        c.pointee.role = arena.text(self.role)
        c.pointee.info = arena.binary(self.info)
        return c
    }
}

/// `meseta.wire.FrameworkRecord`.
extension FrameworkRecord {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__FrameworkRecord>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            id: try reader.in("FrameworkRecord").id(c.pointee.framework_id, "framework_id"),
            info: reader.bytes(c.pointee.info))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__FrameworkRecord> {
        let c = arena.make(Meseta__Wire__FrameworkRecord.self)
        c.pointee.framework_id = arena.text(self.id.rawValue)
        c.pointee.info = arena.binary(self.info)
        return c
    }
}

/// `meseta.wire.BookEntry`.
extension BookEntry {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__BookEntry>?, _ reader: MessageReader) throws(MessageError) {
        let c = try reader.required(c, "entry")
        let reader = reader.in("BookEntry")
        let change: Change
        switch c.pointee.change_case {
        case MESETA__WIRE__BOOK_ENTRY__CHANGE_TASK:
            change = .task(try TaskRecord(c.pointee.task, reader))
        case MESETA__WIRE__BOOK_ENTRY__CHANGE_TASK_REMOVED:
            change = .taskRemoved(number: c.pointee.task_removed)
        case MESETA__WIRE__BOOK_ENTRY__CHANGE_EXECUTOR:
            change = .executor(try ExecutorRecord(c.pointee.executor, reader))
        case MESETA__WIRE__BOOK_ENTRY__CHANGE_EXECUTOR_EXIT:
            let exit = c.pointee.executor_exit!.pointee
            change = .executorExited(
                try reader.in("ExecutorExit").executorKey(exit.framework_id, exit.executor_id), status: exit.status,
                message: try reader.in("ExecutorExit").text(exit.message, "message"))
        default:
            throw reader.missing("change")
        }
        self.init(position: c.pointee.position, change)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__BookEntry> {
        let c = arena.make(Meseta__Wire__BookEntry.self)
        c.pointee.position = self.position
        switch self.change {
        case .task(let record):
            c.pointee.change_case = MESETA__WIRE__BOOK_ENTRY__CHANGE_TASK
            c.pointee.task = record.c(in: arena)
        case .taskRemoved(let number):
            c.pointee.change_case = MESETA__WIRE__BOOK_ENTRY__CHANGE_TASK_REMOVED
            c.pointee.task_removed = number
        case .executor(let record):
            c.pointee.change_case = MESETA__WIRE__BOOK_ENTRY__CHANGE_EXECUTOR
            c.pointee.executor = record.c(in: arena)
        case .executorExited(let key, let status, let message):
            c.pointee.change_case = MESETA__WIRE__BOOK_ENTRY__CHANGE_EXECUTOR_EXIT
            let exit = arena.make(Meseta__Wire__ExecutorExit.self)
            exit.pointee.framework_id = arena.text(key.framework.rawValue)
            exit.pointee.executor_id = arena.text(key.executor.rawValue)
            exit.pointee.status = status
            exit.pointee.message = arena.text(message)
            c.pointee.executor_exit = exit
        }
        return c
    }
}

/// `meseta.wire.AgentRegistration`, or a piece of one.
extension AgentRegistration {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__AgentRegistration>?, _ reader: MessageReader) throws(MessageError) {
        let c = try reader.required(c, "registration")
        let reader = reader.in("AgentRegistration")
        self.init(
            attachment: try reader.attachment(c.pointee.attachment),
            agentID: try reader.optionalID(c.pointee.agent_id, "agent_id"),
            hostname: try reader.text(c.pointee.hostname, "hostname"),
            sidePort: try reader.port(c.pointee.side_port, "side_port"),
            total: try reader.resources(c.pointee.total, "total"),
            attributes: reader.bytes(c.pointee.attributes),
            position: c.pointee.position,
            tasks: try reader.list(c.pointee.n_tasks, c.pointee.tasks) { task throws(MessageError) in
                try TaskRecord(task, reader)
            },
            executors: try reader.list(c.pointee.n_executors, c.pointee.executors) { executor throws(MessageError) in
                try ExecutorRecord(executor, reader)
            },
            frameworks: try reader.list(c.pointee.n_frameworks, c.pointee.frameworks) {
                framework throws(MessageError) in
                try FrameworkRecord(framework, reader)
            },
            epoch: Epoch(c.pointee.epoch), mode: c.pointee.deactivated != 0 ? .deactivated : .active)
        if let mode = c.pointee.mode { self.mode = try AgentMode(mode, reader) }
        self.isContinued = c.pointee.continued != 0
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentRegistration> {
        let c = arena.make(Meseta__Wire__AgentRegistration.self)
        c.pointee.attachment = self.attachment.c(in: arena)
        if let agentID { c.pointee.agent_id = arena.text(agentID.rawValue) }
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.side_port = UInt32(self.sidePort)
        c.pointee.total = self.total.c(in: arena)
        c.pointee.attributes = arena.binary(self.attributes)
        c.pointee.position = self.position
        c.pointee.n_tasks = self.tasks.count
        c.pointee.tasks = arena.list(self.tasks) { $0.c(in: arena) }
        c.pointee.n_executors = self.executors.count
        c.pointee.executors = arena.list(self.executors) { $0.c(in: arena) }
        c.pointee.n_frameworks = self.frameworks.count
        c.pointee.frameworks = arena.list(self.frameworks) { $0.c(in: arena) }
        c.pointee.epoch = self.epoch.value
        c.pointee.deactivated = self.mode == .active ? 0 : 1
        c.pointee.mode = self.mode.c(in: arena)
        c.pointee.continued = self.isContinued ? 1 : 0
        return c
    }
}

/// `meseta.wire.AgentMode`.
extension AgentMode {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__AgentMode>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("AgentMode")
        switch c.pointee.kind {
        case 0: self = .active
        case 1: self = .deactivated
        case 2:
            let bound = c.pointee.bound_ns == -1 ? nil : try reader.duration(c.pointee.bound_ns, "bound_ns")
            self = .draining(Drain(bound: bound, since: Instant(nanoseconds: c.pointee.since_ns)))
        default: throw reader.invalid("kind", "is \(c.pointee.kind), which this version does not know")
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentMode> {
        let c = arena.make(Meseta__Wire__AgentMode.self)
        switch self {
        case .active: c.pointee.kind = 0
        case .deactivated: c.pointee.kind = 1
        case .draining(let drain):
            c.pointee.kind = 2
            c.pointee.bound_ns = drain.bound?.nanoseconds ?? -1
            c.pointee.since_ns = drain.since.nanoseconds
        }
        return c
    }
}
