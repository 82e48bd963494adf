internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.ClusterPolicy`.
extension ClusterPolicy {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__ClusterPolicy>?, _ reader: MessageReader) throws(MessageError) {
        let c = try reader.required(c, "policy")
        let reader = reader.in("ClusterPolicy")
        self.init()
        if let facts = c.pointee.facts {
            let facts = try PolicyFacts(facts, reader)
            self.sharing = facts.sharing
            self.revocation = facts.revocation
        }
        self.roles = try reader.list(c.pointee.n_roles, c.pointee.roles) { role throws(MessageError) in
            try RoleFacts(role, reader)
        }
        self.frameworks = try reader.list(c.pointee.n_frameworks, c.pointee.frameworks) {
            framework throws(MessageError) in
            try FrameworkRule(framework, reader)
        }
        if let slots = c.pointee.slots {
            var rules = SlotRules()
            rules.longThousandths = slots.pointee.long_thousandths
            rules.shortTime = try reader.duration(slots.pointee.short_time_ns, "slots.short_time_ns")
            self.slots = rules
        }
        self.minimumOffer = try reader.resources(c.pointee.minimum_offer, "minimum_offer")
        if let limit = c.pointee.task_limit { self.taskLimit = try reader.resources(limit, "task_limit") }
        self.users = try reader.list(c.pointee.n_users, c.pointee.users) { rule throws(MessageError) in
            UserRule(
                principal: try reader.text(rule.pointee.principal, "users.principal"),
                users: try reader.texts(rule.pointee.n_users, rule.pointee.users, "users.users"))
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__ClusterPolicy> {
        let c = arena.make(Meseta__Wire__ClusterPolicy.self)
        c.pointee.facts = PolicyFacts(sharing: self.sharing, revocation: self.revocation).c(in: arena)
        c.pointee.n_roles = self.roles.count
        c.pointee.roles = arena.list(self.roles) { $0.c(in: arena) }
        c.pointee.n_frameworks = self.frameworks.count
        c.pointee.frameworks = arena.list(self.frameworks) { $0.c(in: arena) }
        if let slots {
            c.pointee.slots = arena.make()
            c.pointee.slots.pointee.long_thousandths = slots.longThousandths
            c.pointee.slots.pointee.short_time_ns = slots.shortTime.nanoseconds
        }
        c.pointee.minimum_offer = self.minimumOffer.c(in: arena)
        c.pointee.task_limit = self.taskLimit?.c(in: arena)
        c.pointee.n_users = self.users.count
        c.pointee.users = arena.list(self.users) { rule in
            let c = arena.make(Meseta__Wire__ClusterPolicy__Users.self)
            c.pointee.principal = arena.text(rule.principal)
            c.pointee.n_users = rule.users.count
            c.pointee.users = arena.texts(rule.users)
            return c
        }
        return c
    }
}

/// `meseta.wire.ClusterPolicy.Framework`.
extension FrameworkRule {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__Wire__ClusterPolicy__Framework>, _ reader: MessageReader
    ) throws(MessageError) {
        let rule = c.pointee
        self.init(framework: try reader.text(rule.framework, "frameworks.framework"))
        self.weight = try reader.weight(rule.weight)
        self.priority = rule.priority
        self.guarantee = try reader.sum(rule.guarantee, "frameworks.guarantee")
        if rule.has_limit != 0 { self.limit = try reader.sum(rule.limit, "frameworks.limit") }
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__ClusterPolicy__Framework> {
        let c = arena.make(Meseta__Wire__ClusterPolicy__Framework.self)
        c.pointee.framework = arena.text(self.framework)
        c.pointee.weight = self.weight
        c.pointee.priority = self.priority
        c.pointee.guarantee = self.guarantee.c(in: arena)
        c.pointee.has_limit = self.limit == nil ? 0 : 1
        c.pointee.limit = self.limit?.c(in: arena)
        return c
    }
}
