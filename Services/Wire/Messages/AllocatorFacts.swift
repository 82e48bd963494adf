internal import CMessages
internal import CProtobufC
internal import Model

extension MessageReader {
    /// A weight; absent, or 0, it is 1.
    func weight(_ value: Double) throws(MessageError) -> Double {
        guard value.isFinite, value >= 0 else { throw self.invalid("weight", "must be above 0, not \(value)") }
        return value == 0 ? 1 : value
    }

    /// What a framework holds of an agent, as several messages have it.
    func holding(
        _ agent: UInt32, _ framework: UInt32, _ role: UnsafePointer<CChar>?,
        _ resources: UnsafeMutablePointer<Meseta__Wire__ResourceVector>?
    ) throws(MessageError) -> AgentHolding {
        AgentHolding(
            agent: agent, framework: framework, role: try self.text(role, "role"),
            resources: try self.resources(resources, "resources"))
    }
}

/// `meseta.wire.MasterToAllocator.PolicyFacts`.
extension PolicyFacts {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__PolicyFacts>, _ reader: MessageReader
    ) throws(MessageError) {
        let name = try reader.text(c.pointee.sharing, "sharing")
        guard let sharing = name.isEmpty ? .fair : SharingPolicy(rawValue: name) else {
            throw reader.invalid("sharing", "is '\(name)', which is no policy that this version knows")
        }
        self.init(sharing: sharing)
        let wait = c.pointee.revocation_wait_ns
        self.revocation.wait = wait == -1 ? nil : try reader.duration(wait, "revocation_wait_ns")
        self.revocation.grace = try reader.duration(c.pointee.revocation_grace_ns, "revocation_grace_ns")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__PolicyFacts> {
        let c = arena.make(Meseta__Wire__MasterToAllocator__PolicyFacts.self)
        c.pointee.sharing = arena.text(self.sharing.rawValue)
        c.pointee.revocation_wait_ns = self.revocation.wait?.nanoseconds ?? -1
        c.pointee.revocation_grace_ns = self.revocation.grace.nanoseconds
        return c
    }
}

/// `meseta.wire.MasterToAllocator.RoleFacts`.
extension RoleFacts {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__RoleFacts>, _ reader: MessageReader
    ) throws(MessageError) {
        self.init(role: try reader.text(c.pointee.role, "role"))
        self.weight = try reader.weight(c.pointee.weight)
        self.guarantee = try reader.sum(c.pointee.guarantee, "guarantee")
        if c.pointee.has_limit != 0 { self.limit = try reader.sum(c.pointee.limit, "limit") }
        self.priority = c.pointee.priority
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__RoleFacts> {
        let c = arena.make(Meseta__Wire__MasterToAllocator__RoleFacts.self)
        c.pointee.role = arena.text(self.role)
        c.pointee.weight = self.weight
        c.pointee.guarantee = self.guarantee.c(in: arena)
        c.pointee.has_limit = self.limit == nil ? 0 : 1
        c.pointee.limit = self.limit?.c(in: arena)
        c.pointee.priority = self.priority
        return c
    }
}

/// `meseta.wire.MasterToAllocator.FrameworkFacts`.
extension FrameworkFacts {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__FrameworkFacts>, _ reader: MessageReader
    ) throws(MessageError) {
        let facts = c.pointee
        self.init(
            index: facts.index, id: try reader.id(facts.framework_id, "framework_id"),
            name: try reader.text(facts.name, "name"), roles: try reader.texts(facts.n_roles, facts.roles, "roles"))
        self.suppressedRoles = try reader.texts(facts.n_suppressed_roles, facts.suppressed_roles, "suppressed_roles")
        self.isActive = facts.active != 0
        self.guarantee = try reader.sum(facts.guarantee, "guarantee")
        if facts.has_limit != 0 { self.limit = try reader.sum(facts.limit, "limit") }
        self.minimumOffers = try reader.list(facts.n_minimum_offers, facts.minimum_offers) {
            offer throws(MessageError) in
            try reader.resources(offer, "minimum_offers")
        }
        self.weight = try reader.weight(facts.weight)
        self.priority = facts.priority
        self.constraints = try [String: OfferConstraints](facts.constraints, reader)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__FrameworkFacts> {
        let c = arena.make(Meseta__Wire__MasterToAllocator__FrameworkFacts.self)
        c.pointee.index = self.index
        c.pointee.framework_id = arena.text(self.id.rawValue)
        c.pointee.name = arena.text(self.name)
        c.pointee.n_roles = self.roles.count
        c.pointee.roles = arena.texts(self.roles)
        c.pointee.n_suppressed_roles = self.suppressedRoles.count
        c.pointee.suppressed_roles = arena.texts(self.suppressedRoles)
        c.pointee.active = self.isActive ? 1 : 0
        c.pointee.guarantee = self.guarantee.c(in: arena)
        c.pointee.has_limit = self.limit == nil ? 0 : 1
        c.pointee.limit = self.limit?.c(in: arena)
        c.pointee.n_minimum_offers = self.minimumOffers.count
        c.pointee.minimum_offers = arena.list(self.minimumOffers) { $0.c(in: arena) }
        c.pointee.weight = self.weight
        c.pointee.priority = self.priority
        c.pointee.constraints = self.constraints.c(in: arena)
        return c
    }
}

/// `meseta.wire.MasterToAllocator.AgentFacts`.
extension AgentFacts {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__AgentFacts>, _ reader: MessageReader
    ) throws(MessageError) {
        let facts = c.pointee
        self.init(
            index: facts.index, id: try reader.id(facts.agent_id, "agent_id"),
            hostname: try reader.text(facts.hostname, "hostname"), total: try reader.resources(facts.total, "total"),
            isOwned: facts.owned != 0, ownership: facts.ownership)
        self.attributes = reader.bytes(facts.attributes)
        self.holdings = try reader.list(facts.n_holdings, facts.holdings) { holding throws(MessageError) in
            try reader.holding(
                facts.index, holding.pointee.framework, holding.pointee.role, holding.pointee.resources)
        }
        self.isActive = facts.active != 0
        self.minimumOffer = try reader.resources(facts.minimum_offer, "minimum_offer")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__MasterToAllocator__AgentFacts> {
        let c = arena.make(Meseta__Wire__MasterToAllocator__AgentFacts.self)
        c.pointee.index = self.index
        c.pointee.agent_id = arena.text(self.id.rawValue)
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.attributes = arena.binary(self.attributes)
        c.pointee.total = self.total.c(in: arena)
        c.pointee.n_holdings = self.holdings.count
        c.pointee.holdings = arena.list(self.holdings) { holding in
            let held = arena.make(Meseta__Wire__MasterToAllocator__Holding.self)
            held.pointee.framework = holding.framework
            held.pointee.role = arena.text(holding.role)
            held.pointee.resources = holding.resources.c(in: arena)
            return held
        }
        c.pointee.owned = self.isOwned ? 1 : 0
        c.pointee.ownership = self.ownership
        c.pointee.active = self.isActive ? 1 : 0
        if !self.minimumOffer.isEmpty { c.pointee.minimum_offer = self.minimumOffer.c(in: arena) }
        return c
    }
}
