internal import CMessages
internal import CProtobufC
internal import Model

extension WireMessage {
    /// Reads a message that stands as `bytes` in a twin.
    init(slice: ProtobufCBinaryData, in arena: MessageArena) throws(MessageError) {
        try self.init(message: UnsafeRawBufferPointer(start: slice.data, count: slice.len), in: arena)
    }
}

/// `meseta.v1.scheduler.Call.Subscribe`.
extension SchedulerCall.Subscribe {
    init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Subscribe>, _ reader: MessageReader
    ) throws(MessageError) {
        self.init(
            framework: try FrameworkInfo(slice: c.pointee.framework_info, in: reader.arena),
            suppressedRoles: try reader.texts(
                c.pointee.n_suppressed_roles, c.pointee.suppressed_roles, "subscribe.suppressed_roles"),
            relays: c.pointee.has_relays != 0 && c.pointee.relays != 0,
            standby: c.pointee.has_standby != 0 && c.pointee.standby != 0,
            guarantees: c.pointee.has_guarantees != 0 && c.pointee.guarantees != 0)
        self.constraints = try [String: OfferConstraints](c.pointee.offer_constraints, reader)
        self.subscription = reader.subscription(c.pointee.subscription)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Subscribe> {
        let c = arena.make(Meseta__Twin__SchedulerCall__Subscribe.self)
        c.pointee.framework_info = arena.binary(of: self.framework)
        c.pointee.n_suppressed_roles = self.suppressedRoles.count
        c.pointee.suppressed_roles = arena.texts(self.suppressedRoles)
        c.pointee.offer_constraints = self.constraints.c(in: arena)
        if self.relays {
            c.pointee.has_relays = 1
            c.pointee.relays = 1
        }
        if self.guarantees {
            c.pointee.has_guarantees = 1
            c.pointee.guarantees = 1
        }
        if self.standby {
            c.pointee.has_standby = 1
            c.pointee.standby = 1
        }
        c.pointee.subscription = arena.subscription(ifAny: self.subscription)
        return c
    }
}

/// `meseta.v1.scheduler.Call.Accept`.
extension SchedulerCall.Accept {
    init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Accept>, _ reader: MessageReader
    ) throws(MessageError) {
        self.init(
            offerIDs: try reader.offerIDs(c.pointee.n_offer_ids, c.pointee.offer_ids, "accept.offer_ids"),
            operations: try reader.list(c.pointee.n_operations, c.pointee.operations) {
                operation throws(MessageError) in
                try SchedulerCall.Operation(operation, reader)
            },
            filters: OfferFilters(c.pointee.filters))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Accept> {
        let c = arena.make(Meseta__Twin__SchedulerCall__Accept.self)
        c.pointee.n_offer_ids = self.offerIDs.count
        c.pointee.offer_ids = arena.list(self.offerIDs) { arena.id($0) }
        c.pointee.n_operations = self.operations.count
        c.pointee.operations = arena.list(self.operations) { $0.c(in: arena) }
        c.pointee.filters = self.filters.c(in: arena)
        return c
    }
}

/// `meseta.v1.Offer.Operation`.
extension SchedulerCall.Operation {
    /// The operations that are understood, but not carried out.
    private static let unsupportedNames: [(UInt32, String)] = [
        (MESETA__V1__OFFER__OPERATION__TYPE__UNKNOWN.rawValue, "UNKNOWN"),
        (MESETA__V1__OFFER__OPERATION__TYPE__RESERVE.rawValue, "RESERVE"),
        (MESETA__V1__OFFER__OPERATION__TYPE__UNRESERVE.rawValue, "UNRESERVE"),
        (MESETA__V1__OFFER__OPERATION__TYPE__CREATE.rawValue, "CREATE"),
        (MESETA__V1__OFFER__OPERATION__TYPE__DESTROY.rawValue, "DESTROY"),
        (MESETA__V1__OFFER__OPERATION__TYPE__GROW_VOLUME.rawValue, "GROW_VOLUME"),
        (MESETA__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME.rawValue, "SHRINK_VOLUME"),
        (MESETA__V1__OFFER__OPERATION__TYPE__CREATE_DISK.rawValue, "CREATE_DISK"),
        (MESETA__V1__OFFER__OPERATION__TYPE__DESTROY_DISK.rawValue, "DESTROY_DISK"),
    ]

    init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Operation>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("Offer.Operation")
        guard c.pointee.has_type != 0 else { throw reader.missing("type") }
        switch c.pointee.type {
        case MESETA__V1__OFFER__OPERATION__TYPE__LAUNCH:
            let launch = try reader.required(c.pointee.launch, "launch").pointee
            self = .launch(Self.tasks(launch.n_task_infos, launch.task_infos, reader))
        case MESETA__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP:
            let group = try reader.required(c.pointee.launch_group, "launch_group").pointee
            guard group.has_executor != 0 else { throw reader.missing("launch_group.executor") }
            let list = try reader.required(group.task_group, "launch_group.task_group").pointee
            self = Self.group(group.executor, Self.tasks(list.n_tasks, list.tasks, reader), reader)
        default:
            let type = c.pointee.type.rawValue
            self = .unsupported(Self.unsupportedNames.first { $0.0 == type }?.1 ?? "\(type)")
        }
    }

    private static func tasks(
        _ count: Int, _ tasks: UnsafeMutablePointer<ProtobufCBinaryData>?, _ reader: MessageReader
    ) -> [TaskLaunch] {
        reader.slices(count, tasks).map { TaskLaunch(message: $0, in: reader.arena) }
    }

    /// A group whose executor cannot be read is a list of tasks that cannot be launched, so that each is answered.
    private static func group(
        _ executor: ProtobufCBinaryData, _ tasks: [TaskLaunch], _ reader: MessageReader
    ) -> SchedulerCall.Operation {
        do throws(MessageError) {
            return .launchGroup(executor: try ExecutorInfo(slice: executor, in: reader.arena), tasks)
        } catch {
            return .launch(
                tasks.map { task in
                    switch task {
                    case .task(let info): .unreadable(info.taskID, reason: "\(error)")
                    case .unreadable: task
                    }
                })
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Twin__SchedulerCall__Operation> {
        let c = arena.make(Meseta__Twin__SchedulerCall__Operation.self)
        c.pointee.has_type = 1
        switch self {
        case .launch(let tasks):
            c.pointee.type = MESETA__V1__OFFER__OPERATION__TYPE__LAUNCH
            c.pointee.launch = arena.make()
            c.pointee.launch.pointee.n_task_infos = tasks.count
            c.pointee.launch.pointee.task_infos = arena.binaries(tasks) { $0.binary(in: arena) }
        case .launchGroup(let executor, let tasks):
            c.pointee.type = MESETA__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP
            c.pointee.launch_group = arena.make()
            c.pointee.launch_group.pointee.has_executor = 1
            c.pointee.launch_group.pointee.executor = arena.binary(of: executor)
            c.pointee.launch_group.pointee.task_group = arena.make()
            c.pointee.launch_group.pointee.task_group.pointee.n_tasks = tasks.count
            c.pointee.launch_group.pointee.task_group.pointee.tasks = arena.binaries(tasks) { $0.binary(in: arena) }
        case .unsupported(let name):
            let type = Self.unsupportedNames.first { $0.1 == name }?.0 ?? UInt32(name) ?? 0
            c.pointee.type = .init(rawValue: type)
        }
        return c
    }
}

/// `meseta.v1.Request`.
extension SchedulerCall.ResourceRequest {
    init(_ c: UnsafeMutablePointer<Meseta__V1__Request>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            resources: try reader.resources(c.pointee.n_resources, c.pointee.resources, "request.requests.resources"),
            agentID: try reader.optionalID(c.pointee.agent_id, "request.requests.agent_id"))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Request> {
        let c = arena.make(Meseta__V1__Request.self)
        c.pointee.agent_id = arena.id(ifAny: self.agentID)
        (c.pointee.n_resources, c.pointee.resources) = arena.resources(self.resources)
        return c
    }
}

/// `meseta.v1.Filters`.
extension OfferFilters {
    init(_ c: UnsafeMutablePointer<Meseta__V1__Filters>?) {
        guard let c, c.pointee.has_refuse_seconds != 0 else {
            self.init()
            return
        }
        self.init(foreignSeconds: c.pointee.refuse_seconds)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Filters>? {
        if self.refuse == Self.defaultRefusal { return nil }
        let c = arena.make(Meseta__V1__Filters.self)
        c.pointee.has_refuse_seconds = 1
        c.pointee.refuse_seconds = self.refuse.asSeconds
        return c
    }
}

extension MessageReader {
    func offerIDs(
        _ count: Int, _ ids: UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__OfferID>?>?, _ field: String
    ) throws(MessageError) -> [OfferID] {
        try self.list(count, ids) { id throws(MessageError) in try self.id(id, field) }
    }
}
