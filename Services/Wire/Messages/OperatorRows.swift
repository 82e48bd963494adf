internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.OperatorResponse.Status`.
extension ClusterStatus {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Status>, _ reader: MessageReader
    ) throws(MessageError) {
        let status = c.pointee
        self.init()
        self.name = try reader.text(status.name, "name")
        self.epoch = Epoch(status.epoch)
        self.address = try reader.text(status.address, "address")
        self.agents = status.agents
        self.relays = status.relays
        self.allocators = status.allocators
        self.frameworks = status.frameworks
        self.tasks = status.tasks
        self.offers = status.offers
        self.total = try reader.sum(status.total, "total")
        self.used = try reader.sum(status.used, "used")
        self.offered = try reader.sum(status.offered, "offered")
        self.leadingFor = try reader.duration(status.leading_for_ns, "leading_for_ns")
        self.agentsAway = status.agents_away
        self.agentsUnreachable = status.agents_unreachable
        self.notes = try reader.texts(status.n_notes, status.notes, "notes")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Status> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Status.self)
        c.pointee.name = arena.text(self.name)
        c.pointee.epoch = self.epoch.value
        c.pointee.address = arena.text(self.address)
        c.pointee.agents = self.agents
        c.pointee.relays = self.relays
        c.pointee.allocators = self.allocators
        c.pointee.frameworks = self.frameworks
        c.pointee.tasks = self.tasks
        c.pointee.offers = self.offers
        c.pointee.total = self.total.c(in: arena)
        c.pointee.used = self.used.c(in: arena)
        c.pointee.offered = self.offered.c(in: arena)
        c.pointee.leading_for_ns = self.leadingFor.nanoseconds
        c.pointee.agents_away = self.agentsAway
        c.pointee.agents_unreachable = self.agentsUnreachable
        c.pointee.n_notes = self.notes.count
        c.pointee.notes = arena.texts(self.notes)
        return c
    }
}

/// `meseta.wire.OperatorResponse.Agent`.
extension AgentRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Agent>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(id: try reader.id(row.agent_id, "agent_id"))
        self.hostname = try reader.text(row.hostname, "hostname")
        self.sidePort = try reader.port(row.side_port, "side_port")
        self.relay = try reader.text(row.relay, "relay")
        self.isAttached = row.attached != 0
        self.isActive = row.active != 0
        self.total = try reader.resources(row.total, "total")
        self.used = try reader.resources(row.used, "used")
        self.offered = try reader.resources(row.offered, "offered")
        self.tasks = row.tasks
        self.attributes = try reader.text(row.attributes, "attributes")
        self.allocator = try reader.text(row.allocator, "allocator")
        if let mode = row.mode { self.mode = try AgentMode(mode, reader) }
        self.isDrained = row.drained != 0
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Agent> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Agent.self)
        c.pointee.agent_id = arena.text(self.id.rawValue)
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.side_port = UInt32(self.sidePort)
        c.pointee.relay = arena.text(self.relay)
        c.pointee.attached = self.isAttached ? 1 : 0
        c.pointee.active = self.isActive ? 1 : 0
        c.pointee.total = self.total.c(in: arena)
        c.pointee.used = self.used.c(in: arena)
        c.pointee.offered = self.offered.c(in: arena)
        c.pointee.tasks = self.tasks
        c.pointee.attributes = arena.text(self.attributes)
        c.pointee.allocator = arena.text(self.allocator)
        c.pointee.mode = self.mode.c(in: arena)
        c.pointee.drained = self.isDrained ? 1 : 0
        return c
    }
}

/// `meseta.wire.OperatorResponse.Framework`.
extension FrameworkRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Framework>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(id: try reader.id(row.framework_id, "framework_id"))
        self.name = try reader.text(row.name, "name")
        self.user = try reader.text(row.user, "user")
        self.roles = try reader.texts(row.n_roles, row.roles, "roles")
        self.isConnected = row.connected != 0
        self.isSuppressed = row.suppressed != 0
        self.tasks = row.tasks
        self.offers = row.offers
        self.used = try reader.sum(row.used, "used")
        self.offered = try reader.sum(row.offered, "offered")
        self.dominantShare = try reader.finite(row.dominant_share, "dominant_share")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Framework> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Framework.self)
        c.pointee.framework_id = arena.text(self.id.rawValue)
        c.pointee.name = arena.text(self.name)
        c.pointee.user = arena.text(self.user)
        c.pointee.n_roles = self.roles.count
        c.pointee.roles = arena.texts(self.roles)
        c.pointee.connected = self.isConnected ? 1 : 0
        c.pointee.suppressed = self.isSuppressed ? 1 : 0
        c.pointee.tasks = self.tasks
        c.pointee.offers = self.offers
        c.pointee.used = self.used.c(in: arena)
        c.pointee.offered = self.offered.c(in: arena)
        c.pointee.dominant_share = self.dominantShare
        return c
    }
}

/// `meseta.wire.OperatorResponse.Task`.
extension TaskRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Task>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(
            key: try reader.taskKey(row.framework_id, row.task_id), state: try reader.taskState(row.state, "state"))
        self.agentID = try reader.optionalID(row.agent_id, "agent_id")
        self.name = try reader.text(row.name, "name")
        self.executorID = try reader.optionalID(row.executor_id, "executor_id")
        self.resources = try reader.resources(row.resources, "resources")
        self.hostname = try reader.text(row.hostname, "hostname")
        self.sidePort = try reader.port(row.side_port, "side_port")
        self.started = try reader.finite(row.started, "started")
        self.message = try reader.text(row.message, "message")
        self.isHistory = row.history != 0
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Task> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Task.self)
        c.pointee.task_id = arena.text(self.key.task.rawValue)
        c.pointee.framework_id = arena.text(self.key.framework.rawValue)
        if let agentID { c.pointee.agent_id = arena.text(agentID.rawValue) }
        c.pointee.name = arena.text(self.name)
        c.pointee.state = self.state.rawValue
        if let executorID { c.pointee.executor_id = arena.text(executorID.rawValue) }
        c.pointee.resources = self.resources.c(in: arena)
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.side_port = UInt32(self.sidePort)
        c.pointee.started = self.started
        c.pointee.message = arena.text(self.message)
        c.pointee.history = self.isHistory ? 1 : 0
        return c
    }
}

/// `meseta.wire.OperatorResponse.Offer`.
extension OfferRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Offer>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(
            id: try reader.id(row.offer_id, "offer_id"), frameworkID: try reader.id(row.framework_id, "framework_id"),
            agentID: try reader.id(row.agent_id, "agent_id"))
        self.hostname = try reader.text(row.hostname, "hostname")
        self.resources = try reader.resources(row.resources, "resources")
        self.age = try reader.duration(row.age_ns, "age_ns")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Offer> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Offer.self)
        c.pointee.offer_id = arena.text(self.id.rawValue)
        c.pointee.framework_id = arena.text(self.frameworkID.rawValue)
        c.pointee.agent_id = arena.text(self.agentID.rawValue)
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.resources = self.resources.c(in: arena)
        c.pointee.age_ns = self.age.nanoseconds
        return c
    }
}
