internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.ExecutorInfo`. Written as it came, if it came from elsewhere.
extension ExecutorInfo: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) {
            (c: UnsafeMutablePointer<Meseta__V1__ExecutorInfo>, reader) throws(MessageError) in
            try Self(c, encoded: Bytes(bytes), reader)
        }
    }

    init(
        _ c: UnsafeMutablePointer<Meseta__V1__ExecutorInfo>, encoded: Bytes, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("ExecutorInfo")
        var command: CommandInfo?
        if let c = c.pointee.command { command = try CommandInfo(c, reader) }
        self.init(executorID: try reader.id(c.pointee.executor_id, "executor_id"), command: command)
        self.frameworkID = try reader.optionalID(c.pointee.framework_id, "framework_id")
        self.name = try reader.text(c.pointee.name, "name")
        self.resources = try reader.resources(c.pointee.n_resources, c.pointee.resources)
        self.data = reader.optionalBytes(c.pointee.has_data, c.pointee.data)
        self.shutdownGracePeriod = try reader.duration(c.pointee.shutdown_grace_period, "shutdown_grace_period")
        if let container = c.pointee.container { self.container = try ContainerInfo(container, reader) }
        self.encoded = encoded
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        if !self.encoded.isEmpty { return PackedMessage(encoded: self.encoded) }
        let c = arena.make(Meseta__V1__ExecutorInfo.self)
        c.pointee.executor_id = arena.id(self.executorID)
        c.pointee.framework_id = arena.id(ifAny: self.frameworkID)
        if !self.name.isEmpty { c.pointee.name = arena.text(self.name) }
        c.pointee.command = self.command?.c(in: arena)
        (c.pointee.n_resources, c.pointee.resources) = arena.resources(self.resources)
        if let data {
            c.pointee.has_data = 1
            c.pointee.data = arena.binary(data)
        }
        c.pointee.shutdown_grace_period = arena.duration(self.shutdownGracePeriod)
        c.pointee.container = self.container?.c(in: arena)
        return PackedMessage(c)
    }
}

/// `meseta.v1.TaskInfo`. Written as it came, if it came from elsewhere.
extension TaskInfo: WireMessage {
    private static let executorField: UInt32 = 5

    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) {
            (c: UnsafeMutablePointer<Meseta__V1__TaskInfo>, reader) throws(MessageError) in
            try Self(c, bytes, reader)
        }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__V1__TaskInfo>, _ bytes: UnsafeRawBufferPointer, _ reader: MessageReader
    ) throws(MessageError) {
        self.init(
            name: try reader.text(c.pointee.name, "name"), taskID: try reader.id(c.pointee.task_id, "task_id"),
            agentID: try reader.id(c.pointee.agent_id, "agent_id"),
            resources: try reader.resources(c.pointee.n_resources, c.pointee.resources))
        if let executor = c.pointee.executor {
            let encoded = RawFields.joined(Self.executorField, of: bytes) ?? []
            self.executor = try ExecutorInfo(executor, encoded: encoded, reader)
        }
        if let command = c.pointee.command { self.command = try CommandInfo(command, reader) }
        self.data = reader.optionalBytes(c.pointee.has_data, c.pointee.data)
        self.killGracePeriod = try reader.killPolicy(c.pointee.kill_policy)
        self.maxCompletionTime = try reader.duration(c.pointee.max_completion_time, "max_completion_time")
        if c.pointee.has_priority != 0 { self.priority = c.pointee.priority }
        if let check = c.pointee.health_check { self.healthCheck = try HealthCheck(check, reader) }
        if let check = c.pointee.check { self.check = try Check(check, reader) }
        if let container = c.pointee.container { self.container = try ContainerInfo(container, reader) }
        self.encoded = Bytes(bytes)
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        if !self.encoded.isEmpty { return PackedMessage(encoded: self.encoded) }
        let c = arena.make(Meseta__Twin__TaskInfo.self)
        c.pointee.name = arena.text(self.name)
        c.pointee.task_id = arena.id(self.taskID)
        c.pointee.agent_id = arena.id(self.agentID)
        (c.pointee.n_resources, c.pointee.resources) = arena.resources(self.resources)
        if let executor {
            c.pointee.has_executor = 1
            c.pointee.executor = arena.binary(of: executor)
        }
        if let data {
            c.pointee.has_data = 1
            c.pointee.data = arena.binary(data)
        }
        c.pointee.command = self.command?.c(in: arena)
        c.pointee.kill_policy = arena.killPolicy(self.killGracePeriod)
        c.pointee.max_completion_time = arena.duration(self.maxCompletionTime)
        c.pointee.health_check = self.healthCheck?.c(in: arena)
        c.pointee.check = self.check?.c(in: arena)
        c.pointee.container = self.container?.c(in: arena)
        if self.priority != 0 {
            c.pointee.has_priority = 1
            c.pointee.priority = self.priority
        }
        return PackedMessage(c)
    }
}

extension TaskLaunch {
    private static let taskIDField: UInt32 = 2

    /// Reads one entry of a list; what cannot be read fails alone.
    init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) {
        do throws(MessageError) {
            self = .task(try TaskInfo(message: bytes, in: arena))
        } catch {
            self = .unreadable(Self.taskID(in: bytes, arena), reason: "\(error)")
        }
    }

    /// The id of a task of which perhaps nothing else can be read.
    static func taskID(in bytes: UnsafeRawBufferPointer, _ arena: MessageArena) -> TaskID? {
        guard let id = RawFields.joined(Self.taskIDField, of: bytes) else { return nil }
        return try? id.withMessageBytes { id throws(MessageError) in
            try arena.read(id) { (c: UnsafeMutablePointer<Meseta__V1__TaskID>, reader) throws(MessageError) in
                try reader.id(c, "value")
            }
        }
    }

    /// An entry that could not be read is written with its id alone, so it stays unreadable.
    func binary(in arena: MessageArena) -> ProtobufCBinaryData {
        switch self {
        case .task(let task):
            return arena.binary(of: task)
        case .unreadable(let id, _):
            let c = arena.make(Meseta__V1__TaskInfo.self)
            c.pointee.task_id = arena.id(ifAny: id)
            let packed = PackedMessage(c)
            return arena.binary(packed.bytes)
        }
    }
}

extension MessageReader {
    /// An optional time; Mesos' word for a negative one is an error, too.
    func duration(
        _ c: UnsafeMutablePointer<Meseta__V1__DurationInfo>?, _ field: String
    ) throws(MessageError) -> Duration? {
        guard let c else { return nil }
        return try self.duration(c.pointee.nanoseconds, field)
    }

    func killPolicy(_ c: UnsafeMutablePointer<Meseta__V1__KillPolicy>?) throws(MessageError) -> Duration? {
        guard let c else { return nil }
        return try self.duration(c.pointee.grace_period, "kill_policy.grace_period")
    }
}

extension MessageArena {
    func duration(_ duration: Duration?) -> UnsafeMutablePointer<Meseta__V1__DurationInfo>? {
        guard let duration else { return nil }
        let c = self.make(Meseta__V1__DurationInfo.self)
        c.pointee.nanoseconds = duration.nanoseconds
        return c
    }

    func killPolicy(_ grace: Duration?) -> UnsafeMutablePointer<Meseta__V1__KillPolicy>? {
        guard let grace else { return nil }
        let c = self.make(Meseta__V1__KillPolicy.self)
        c.pointee.grace_period = self.duration(grace)
        return c
    }
}
