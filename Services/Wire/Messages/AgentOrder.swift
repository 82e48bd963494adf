internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.AgentOrder`.
extension AgentOrder {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__AgentOrder>?, _ reader: MessageReader) throws(MessageError) {
        let c = try reader.required(c, "order")
        let reader = reader.in("AgentOrder")
        switch c.pointee.kind_case {
        case MESETA__WIRE__AGENT_ORDER__KIND_LAUNCH:
            self = .launch(try LaunchOrder(c.pointee.launch, reader))
        case MESETA__WIRE__AGENT_ORDER__KIND_KILL:
            let kill = c.pointee.kill!.pointee
            self = .kill(
                try reader.taskKey(kill.framework_id, kill.task_id),
                grace: kill.grace_ns == -1 ? nil : try reader.duration(kill.grace_ns, "kill.grace_ns"),
                reason: try reader.text(kill.reason, "kill.reason"), endsExecutor: kill.ends_executor != 0)
        case MESETA__WIRE__AGENT_ORDER__KIND_SHUTDOWN_EXECUTOR:
            let shutdown = c.pointee.shutdown_executor!.pointee
            self = .shutdownExecutor(try reader.executorKey(shutdown.framework_id, shutdown.executor_id))
        case MESETA__WIRE__AGENT_ORDER__KIND_SHUTDOWN_FRAMEWORK:
            self = .shutdownFramework(try reader.id(c.pointee.shutdown_framework.pointee.framework_id, "framework_id"))
        case MESETA__WIRE__AGENT_ORDER__KIND_MESSAGE:
            let message = c.pointee.message!.pointee
            self = .message(
                try reader.executorKey(message.framework_id, message.executor_id), reader.bytes(message.data))
        case MESETA__WIRE__AGENT_ORDER__KIND_ACKNOWLEDGE:
            let acknowledge = c.pointee.acknowledge!.pointee
            self = .acknowledge(
                try reader.taskKey(acknowledge.framework_id, acknowledge.task_id),
                uuid: reader.bytes(acknowledge.uuid))
        case MESETA__WIRE__AGENT_ORDER__KIND_MODE:
            self = .setMode(try AgentMode(c.pointee.mode, reader))
        case MESETA__WIRE__AGENT_ORDER__KIND_RESTATE: self = .restate
        default:
            throw reader.unknownKind(of: c)
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentOrder> {
        let c = arena.make(Meseta__Wire__AgentOrder.self)
        switch self {
        case .launch(let order):
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_LAUNCH
            c.pointee.launch = order.c(in: arena)
        case .kill(let key, let grace, let reason, let endsExecutor):
            let kill = arena.make(Meseta__Wire__AgentOrder__Kill.self)
            kill.pointee.framework_id = arena.text(key.framework.rawValue)
            kill.pointee.task_id = arena.text(key.task.rawValue)
            kill.pointee.grace_ns = grace?.nanoseconds ?? -1
            kill.pointee.reason = arena.text(reason)
            kill.pointee.ends_executor = endsExecutor ? 1 : 0
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_KILL
            c.pointee.kill = kill
        case .shutdownExecutor(let key):
            let shutdown = arena.make(Meseta__Wire__AgentOrder__ShutdownExecutor.self)
            shutdown.pointee.framework_id = arena.text(key.framework.rawValue)
            shutdown.pointee.executor_id = arena.text(key.executor.rawValue)
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_SHUTDOWN_EXECUTOR
            c.pointee.shutdown_executor = shutdown
        case .shutdownFramework(let id):
            let shutdown = arena.make(Meseta__Wire__AgentOrder__ShutdownFramework.self)
            shutdown.pointee.framework_id = arena.text(id.rawValue)
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_SHUTDOWN_FRAMEWORK
            c.pointee.shutdown_framework = shutdown
        case .message(let key, let data):
            let message = arena.make(Meseta__Wire__AgentOrder__MessageToExecutor.self)
            message.pointee.framework_id = arena.text(key.framework.rawValue)
            message.pointee.executor_id = arena.text(key.executor.rawValue)
            message.pointee.data = arena.binary(data)
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_MESSAGE
            c.pointee.message = message
        case .acknowledge(let key, let uuid):
            let acknowledge = arena.make(Meseta__Wire__AgentOrder__Acknowledge.self)
            acknowledge.pointee.framework_id = arena.text(key.framework.rawValue)
            acknowledge.pointee.task_id = arena.text(key.task.rawValue)
            acknowledge.pointee.uuid = arena.binary(uuid)
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_ACKNOWLEDGE
            c.pointee.acknowledge = acknowledge
        case .setMode(let mode):
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_MODE
            c.pointee.mode = mode.c(in: arena)
        case .restate:
            c.pointee.kind_case = MESETA__WIRE__AGENT_ORDER__KIND_RESTATE
            c.pointee.restate = 1
        }
        return c
    }
}

/// `meseta.wire.AgentOrder.Launch`.
extension LaunchOrder {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__AgentOrder__Launch>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("AgentOrder.Launch")
        self.init(
            frameworkID: try reader.id(c.pointee.framework_id, "framework_id"),
            role: try reader.text(c.pointee.role, "role"),
            frameworkInfo: reader.bytes(c.pointee.framework_info),
            tasks: try reader.list(c.pointee.n_tasks, c.pointee.tasks) { task throws(MessageError) in
                Task(
                    taskID: try reader.id(task.pointee.task_id, "tasks.task_id"), info: reader.bytes(task.pointee.info))
            },
            groupExecutor: reader.bytes(c.pointee.group_executor))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__AgentOrder__Launch> {
        let c = arena.make(Meseta__Wire__AgentOrder__Launch.self)
        c.pointee.framework_id = arena.text(self.frameworkID.rawValue)
        c.pointee.role = arena.text(self.role)
        c.pointee.framework_info = arena.binary(self.frameworkInfo)
        c.pointee.n_tasks = self.tasks.count
        c.pointee.tasks = arena.list(self.tasks) { task in
            let launched = arena.make(Meseta__Wire__AgentOrder__LaunchedTask.self)
            launched.pointee.task_id = arena.text(task.taskID.rawValue)
            launched.pointee.info = arena.binary(task.info)
            return launched
        }
        c.pointee.group_executor = arena.binary(self.groupExecutor)
        return c
    }
}

/// `meseta.wire.StatusEnvelope`.
extension StatusEnvelope {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__StatusEnvelope>?, _ reader: MessageReader) throws(MessageError) {
        let c = try reader.required(c, "status")
        self.init(
            key: try reader.in("StatusEnvelope").taskKey(c.pointee.framework_id, c.pointee.task_id),
            uuid: reader.bytes(c.pointee.uuid), status: reader.bytes(c.pointee.status))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__StatusEnvelope> {
        let c = arena.make(Meseta__Wire__StatusEnvelope.self)
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        c.pointee.task_id = arena.text(self.key.task.rawValue)
        c.pointee.uuid = arena.binary(self.uuid)
        c.pointee.status = arena.binary(self.status)
        return c
    }
}

/// `meseta.wire.ExecutorMessage`.
extension MessageReader {
    func executorMessage(
        _ c: UnsafeMutablePointer<Meseta__Wire__ExecutorMessage>?
    ) throws(MessageError) -> (ExecutorKey, Bytes) {
        let c = try self.required(c, "message")
        let key = try self.in("ExecutorMessage").executorKey(c.pointee.framework_id, c.pointee.executor_id)
        return (key, self.bytes(c.pointee.data))
    }

    /// The error for a message of ours whose `kind` is not set, or is one that only a later version knows.
    func unknownKind<C: CMessage>(of c: UnsafeMutablePointer<C>) -> MessageError {
        let base = UnsafeRawPointer(c).load(as: ProtobufCMessage.self)
        guard base.n_unknown_fields > 0, let first = base.unknown_fields else { return self.missing("kind") }
        return MessageError(.unknownKind(name: "\(first.pointee.tag)"), in: self.message)
    }
}

extension MessageArena {
    func executorMessage(_ key: ExecutorKey, _ data: Bytes) -> UnsafeMutablePointer<Meseta__Wire__ExecutorMessage> {
        let c = self.make(Meseta__Wire__ExecutorMessage.self)
        c.pointee.framework_id = self.text(key.framework.rawValue)
        c.pointee.executor_id = self.text(key.executor.rawValue)
        c.pointee.data = self.binary(data)
        return c
    }
}
