internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.TaskStatus`. What no role reads is kept as it came and written behind the rest.
extension TaskStatus: WireMessage {
    /// The numbers of the fields that have a place in `TaskStatus`.
    private static let readFields: Set<UInt32> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1000, 1001]
    private static let checkStatusField: UInt32 = 15
    private static let limitationField: UInt32 = 16

    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, bytes, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__V1__TaskStatus>, _ bytes: UnsafeRawBufferPointer, _ reader: MessageReader
    ) throws(MessageError) {
        let status = c.pointee
        self.init(
            taskID: try reader.id(status.task_id, "task_id"),
            state: try reader.taskState(Int32(bitPattern: status.state.rawValue), "state"))
        self.data = reader.optionalBytes(status.has_data, status.data)
        self.message = try reader.optionalText(status.message, "message")
        self.agentID = try reader.optionalID(status.agent_id, "agent_id")
        self.executorID = try reader.optionalID(status.executor_id, "executor_id")
        if status.has_source != 0 {
            guard let source = StatusSource(rawValue: Int32(bitPattern: status.source.rawValue)) else {
                let value = status.source.rawValue
                throw reader.invalid("source", "is \(value), which is no Source that this version knows")
            }
            self.source = source
        }
        if status.has_reason != 0 {
            self.reason = StatusReason(rawValue: Int32(bitPattern: status.reason.rawValue))
        }
        if status.has_uuid != 0 { self.uuid = try reader.uuid(status.uuid, "uuid") }
        if status.has_timestamp != 0 { self.timestamp = try reader.finite(status.timestamp, "timestamp") }
        if status.has_healthy != 0 { self.healthy = status.healthy != 0 }
        if status.has_sequence != 0 { self.sequence = status.sequence }
        if status.has_wait_status != 0 { self.waitStatus = status.wait_status }
        var readFields = Self.readFields
        self.checkStatus = status.check_status.flatMap { CheckStatus($0) }
        if self.checkStatus != nil { readFields.insert(Self.checkStatusField) }
        self.limitation = status.limitation.flatMap { reader.in("TaskResourceLimitation").limitation($0) }
        if self.limitation != nil { readFields.insert(Self.limitationField) }
        if status.labels != nil || status.container_status != nil || status.unreachable_time != nil
            || (status.check_status != nil && self.checkStatus == nil)
            || (status.limitation != nil && self.limitation == nil) || status.base.n_unknown_fields > 0
        {
            self.unread = RawFields.others(than: readFields, of: bytes)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__V1__TaskStatus.self)
        c.pointee.task_id = arena.id(self.taskID)
        c.pointee.state = Meseta__V1__TaskState(rawValue: UInt32(bitPattern: self.state.rawValue))
        if let data {
            c.pointee.has_data = 1
            c.pointee.data = arena.binary(data)
        }
        c.pointee.message = arena.text(ifAny: self.message)
        c.pointee.agent_id = arena.id(ifAny: self.agentID)
        c.pointee.executor_id = arena.id(ifAny: self.executorID)
        if let source {
            c.pointee.has_source = 1
            c.pointee.source = Meseta__V1__TaskStatus__Source(rawValue: UInt32(bitPattern: source.rawValue))
        }
        if let reason {
            c.pointee.has_reason = 1
            c.pointee.reason = Meseta__V1__TaskStatus__Reason(rawValue: UInt32(bitPattern: reason.rawValue))
        }
        if let uuid {
            c.pointee.has_uuid = 1
            c.pointee.uuid = arena.binary(uuid)
        }
        if let timestamp {
            c.pointee.has_timestamp = 1
            c.pointee.timestamp = timestamp
        }
        if let healthy {
            c.pointee.has_healthy = 1
            c.pointee.healthy = healthy ? 1 : 0
        }
        c.pointee.check_status = self.checkStatus?.c(in: arena)
        if let limitation {
            c.pointee.limitation = arena.make()
            (c.pointee.limitation.pointee.n_resources, c.pointee.limitation.pointee.resources) =
                arena.resources(limitation)
        }
        if self.sequence > 0 {
            c.pointee.has_sequence = 1
            c.pointee.sequence = self.sequence
        }
        if let waitStatus {
            c.pointee.has_wait_status = 1
            c.pointee.wait_status = waitStatus
        }
        return PackedMessage(c, tail: self.unread)
    }
}

extension MessageReader {
    /// `meseta.v1.TaskResourceLimitation`; nil if it says more than amounts: then it is carried as it came.
    fileprivate func limitation(_ c: UnsafeMutablePointer<Meseta__V1__TaskResourceLimitation>) -> Resources? {
        guard c.pointee.base.n_unknown_fields == 0 else { return nil }
        for index in 0..<c.pointee.n_resources {
            let item = c.pointee.resources[index]!.pointee
            guard item.base.n_unknown_fields == 0, item.allocation_info == nil,
                item.role == nil || !self.arena.holds(item.role)
            else { return nil }
        }
        return try? self.resources(c.pointee.n_resources, c.pointee.resources)
    }
}
