internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.executor.Call`, by its twin.
extension ExecutorCall: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Twin__ExecutorCall>, _ reader: MessageReader
    ) throws(MessageError) {
        let call = c.pointee
        guard call.has_type != 0 else { throw reader.missing("type") }
        let kind: Kind
        switch call.type {
        case MESETA__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE:
            kind = try Self.subscribe(try reader.required(call.subscribe, "subscribe"), reader)
        case MESETA__V1__EXECUTOR__CALL__TYPE__UPDATE:
            let update = try reader.required(call.update, "update").pointee
            kind = .update(try TaskStatus(slice: update.status, in: reader.arena))
        case MESETA__V1__EXECUTOR__CALL__TYPE__MESSAGE:
            kind = .message(reader.bytes(try reader.required(call.message, "message").pointee.data))
        case MESETA__V1__EXECUTOR__CALL__TYPE__HEARTBEAT:
            kind = .heartbeat
        default:
            kind = .unsupported(call.type.rawValue == 0 ? "UNKNOWN" : "\(call.type.rawValue)")
        }
        self.init(
            frameworkID: try reader.id(call.framework_id, "framework_id"),
            executorID: try reader.id(call.executor_id, "executor_id"), kind)
    }

    /// Of a task that the executor still has, only the id is read.
    private static func subscribe(
        _ c: UnsafeMutablePointer<Meseta__Twin__ExecutorCall__Subscribe>, _ reader: MessageReader
    ) throws(MessageError) -> Kind {
        var tasks: [TaskID] = []
        for slice in reader.slices(c.pointee.n_unacknowledged_tasks, c.pointee.unacknowledged_tasks) {
            guard let id = TaskLaunch.taskID(in: slice, reader.arena) else {
                throw reader.invalid("subscribe.unacknowledged_tasks", "holds a task without an id")
            }
            tasks.append(id)
        }
        return .subscribe(
            unacknowledgedTasks: tasks,
            unacknowledgedUpdates: try reader.list(c.pointee.n_unacknowledged_updates, c.pointee.unacknowledged_updates)
            { update throws(MessageError) in
                try TaskStatus(slice: update.pointee.status, in: reader.arena)
            })
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Twin__ExecutorCall.self)
        c.pointee.framework_id = arena.id(self.frameworkID)
        c.pointee.executor_id = arena.id(self.executorID)
        c.pointee.has_type = 1
        switch self.kind {
        case .subscribe(let tasks, let updates):
            c.pointee.type = MESETA__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE
            c.pointee.subscribe = arena.make()
            c.pointee.subscribe.pointee.n_unacknowledged_tasks = tasks.count
            c.pointee.subscribe.pointee.unacknowledged_tasks = arena.binaries(tasks) { id in
                arena.binary(of: TaskInfo(name: "", taskID: id, agentID: "", resources: .init()))
            }
            c.pointee.subscribe.pointee.n_unacknowledged_updates = updates.count
            c.pointee.subscribe.pointee.unacknowledged_updates = arena.list(updates) { status in
                let update = arena.make(Meseta__Twin__ExecutorCall__Update.self)
                update.pointee.status = arena.binary(of: status)
                return update
            }
        case .update(let status):
            c.pointee.type = MESETA__V1__EXECUTOR__CALL__TYPE__UPDATE
            c.pointee.update = arena.make()
            c.pointee.update.pointee.status = arena.binary(of: status)
        case .message(let data):
            c.pointee.type = MESETA__V1__EXECUTOR__CALL__TYPE__MESSAGE
            c.pointee.message = arena.make()
            c.pointee.message.pointee.data = arena.binary(data)
        case .heartbeat:
            c.pointee.type = MESETA__V1__EXECUTOR__CALL__TYPE__HEARTBEAT
        case .unsupported(let name):
            c.pointee.type = .init(rawValue: UInt32(name) ?? 0)
        }
        return PackedMessage(c)
    }
}

/// `meseta.v1.executor.Event`, by its twin. An event of a type that this version does not know is the error
/// `unknownKind`, which an executor skips.
extension ExecutorEvent: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Twin__ExecutorEvent>, _ reader: MessageReader
    ) throws(MessageError) {
        let event = c.pointee
        guard event.has_type != 0 else { throw reader.missing("type") }
        switch event.type {
        case MESETA__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
            let subscribed = try reader.required(event.subscribed, "subscribed").pointee
            let agent = try reader.required(subscribed.agent_info, "subscribed.agent_info").pointee
            self = .subscribed(
                try ExecutorInfo(slice: subscribed.executor_info, in: reader.arena),
                try FrameworkInfo(slice: subscribed.framework_info, in: reader.arena),
                try reader.id(agent.id, "subscribed.agent_info.id"),
                hostname: try reader.text(agent.hostname, "subscribed.agent_info.hostname"))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
            let launch = try reader.required(event.launch, "launch").pointee
            self = .launch(try TaskInfo(slice: launch.task, in: reader.arena))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
            let group = try reader.required(event.launch_group, "launch_group").pointee
            let list = try reader.required(group.task_group, "launch_group.task_group").pointee
            var tasks: [TaskInfo] = []
            for slice in reader.slices(list.n_tasks, list.tasks) {
                tasks.append(try TaskInfo(message: slice, in: reader.arena))
            }
            self = .launchGroup(tasks)
        case MESETA__V1__EXECUTOR__EVENT__TYPE__KILL:
            let kill = try reader.required(event.kill, "kill").pointee
            self = .kill(try reader.id(kill.task_id, "kill.task_id"), grace: try reader.killPolicy(kill.kill_policy))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
            let acknowledged = try reader.required(event.acknowledged, "acknowledged").pointee
            self = .acknowledged(
                try reader.id(acknowledged.task_id, "acknowledged.task_id"),
                uuid: try reader.uuid(acknowledged.uuid, "acknowledged.uuid"))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
            self = .message(reader.bytes(try reader.required(event.message, "message").pointee.data))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
            self = .shutdown
        case MESETA__V1__EXECUTOR__EVENT__TYPE__ERROR:
            self = .error(try reader.text(try reader.required(event.error, "error").pointee.message, "error.message"))
        case MESETA__V1__EXECUTOR__EVENT__TYPE__HEARTBEAT:
            self = .heartbeat
        default:
            throw MessageError(.unknownKind(name: "\(event.type.rawValue)"), in: reader.message)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Twin__ExecutorEvent.self)
        c.pointee.has_type = 1
        switch self {
        case .subscribed(let executor, let framework, let agentID, let hostname):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED
            c.pointee.subscribed = arena.make()
            c.pointee.subscribed.pointee.executor_info = arena.binary(of: executor)
            c.pointee.subscribed.pointee.framework_info = arena.binary(of: framework)
            c.pointee.subscribed.pointee.agent_info = arena.make()
            c.pointee.subscribed.pointee.agent_info.pointee.hostname = arena.text(hostname)
            c.pointee.subscribed.pointee.agent_info.pointee.id = arena.id(agentID)
        case .launch(let task):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__LAUNCH
            c.pointee.launch = arena.make()
            c.pointee.launch.pointee.task = arena.binary(of: task)
        case .launchGroup(let tasks):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP
            c.pointee.launch_group = arena.make()
            c.pointee.launch_group.pointee.task_group = arena.make()
            c.pointee.launch_group.pointee.task_group.pointee.n_tasks = tasks.count
            c.pointee.launch_group.pointee.task_group.pointee.tasks = arena.binaries(tasks) { arena.binary(of: $0) }
        case .kill(let taskID, let grace):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__KILL
            c.pointee.kill = arena.make()
            c.pointee.kill.pointee.task_id = arena.id(taskID)
            c.pointee.kill.pointee.kill_policy = arena.killPolicy(grace)
        case .acknowledged(let taskID, let uuid):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED
            c.pointee.acknowledged = arena.make()
            c.pointee.acknowledged.pointee.task_id = arena.id(taskID)
            c.pointee.acknowledged.pointee.uuid = arena.binary(uuid)
        case .message(let data):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__MESSAGE
            c.pointee.message = arena.make()
            c.pointee.message.pointee.data = arena.binary(data)
        case .shutdown:
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN
        case .error(let message):
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__ERROR
            c.pointee.error = arena.make()
            c.pointee.error.pointee.message = arena.text(message)
        case .heartbeat:
            c.pointee.type = MESETA__V1__EXECUTOR__EVENT__TYPE__HEARTBEAT
        }
        return PackedMessage(c)
    }
}
