internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.FrameworkInfo`. Written as it came, if it came from elsewhere.
extension FrameworkInfo: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in
            var info = try Self(c, reader)
            info.encoded = Bytes(bytes)
            return info
        }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__V1__FrameworkInfo>, _ reader: MessageReader
    ) throws(MessageError) {
        let info = c.pointee
        self.init(user: try reader.text(info.user, "user"), name: try reader.text(info.name, "name"))
        self.id = try reader.optionalID(info.id, "id")
        if info.has_failover_timeout != 0 {
            guard let timeout = Duration(foreignSeconds: info.failover_timeout) else {
                throw reader.invalid("failover_timeout", "is \(info.failover_timeout) s, which is no length of time")
            }
            self.failoverTimeout = timeout
        }
        self.hostname = try reader.text(info.hostname, "hostname")
        self.principal = try reader.nonEmptyText(info.principal, "principal")
        for index in 0..<info.n_capabilities {
            let capability = info.capabilities[index]!.pointee
            guard capability.has_type != 0,
                let known = FrameworkCapability(rawValue: Int32(bitPattern: capability.type.rawValue))
            else { continue }
            self.capabilities.insert(known)
        }
        self.roles = try Self.roles(c, isMultiRole: self.capabilities.contains(.multiRole), reader)
        if info.has_partition_policy != 0 {
            // A policy of a later version is taken for the default, as an enum of Mesos' would be.
            let policy = PartitionPolicy(rawValue: Int32(bitPattern: info.partition_policy.rawValue))
            self.partitionPolicy = policy ?? .replace
        }
        for index in 0..<info.n_offer_filters {
            let entry = info.offer_filters[index]!.pointee
            let role = try reader.text(entry.key, "offer_filters")
            guard self.roles.contains(role) else {
                throw reader.invalid("offer_filters", "names the role '\(role)', which the framework does not have")
            }
            if let minimum = entry.value?.pointee.min_allocatable_resources {
                self.minimumOffers[role] = try Self.minimumOffers(minimum, reader)
            }
        }
    }

    /// One role in `role`, or with MULTI_ROLE any number in `roles`.
    private static func roles(
        _ c: UnsafeMutablePointer<Meseta__V1__FrameworkInfo>, isMultiRole: Bool, _ reader: MessageReader
    ) throws(MessageError) -> [String] {
        let role = try reader.optionalText(c.pointee.role, "role")
        let listed = try reader.texts(c.pointee.n_roles, c.pointee.roles, "roles")
        if isMultiRole {
            guard role == nil else { throw reader.invalid("role", "is set: with MULTI_ROLE, use 'roles'") }
            guard !listed.isEmpty else { throw reader.invalid("roles", "is empty: with MULTI_ROLE, name at least one") }
        } else {
            guard listed.isEmpty else { throw reader.invalid("roles", "is set: without MULTI_ROLE, use 'role'") }
        }
        let roles = isMultiRole ? listed : [role ?? "*"]
        for role in roles {
            guard let problem = Self.problem(ofRole: role) else { continue }
            throw reader.invalid(isMultiRole ? "roles" : "role", problem)
        }
        return try reader.distinct(roles, "roles")
    }

    /// What is wrong with the name of a role; nil if nothing is.
    ///
    /// `*` is fine, and so are paths of plain names: `a/b`.
    private static func problem(ofRole role: String) -> String? {
        if role == "*" { return nil }
        if role.isEmpty { return "holds an empty name" }
        for part in role.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let name = Substring(part)
            if name.isEmpty { return "holds '\(role)': no '/' at an end, and no two in a row" }
            if name == "." || name == ".." || name == "*" { return "holds '\(role)': '\(name)' is no name" }
            if name.first == "-" { return "holds '\(role)': no name begins with '-'" }
            if part.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
                return "holds '\(role)': no white space or control characters"
            }
        }
        return nil
    }

    private static func minimumOffers(
        _ c: UnsafeMutablePointer<Meseta__V1__OfferFilters__MinAllocatableResources>, _ reader: MessageReader
    ) throws(MessageError) -> [Resources] {
        try reader.list(c.pointee.n_quantities, c.pointee.quantities) { quantities throws(MessageError) in
            var resources = Resources()
            for index in 0..<quantities.pointee.n_quantities {
                let entry = quantities.pointee.quantities[index]!.pointee
                let name = try reader.text(entry.key, "offer_filters")
                let amount = try reader.thousandths(entry.value?.pointee.value ?? 0, "offer_filters[\(name)]")
                do throws(Resources.Invalid) {
                    try resources.add(scalar: amount, named: name)
                } catch {
                    throw reader.invalid("offer_filters", "cannot be: \(error)")
                }
            }
            return resources
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        if !self.encoded.isEmpty { return PackedMessage(encoded: self.encoded) }
        let c = arena.make(Meseta__V1__FrameworkInfo.self)
        c.pointee.user = arena.text(self.user)
        c.pointee.name = arena.text(self.name)
        c.pointee.id = arena.id(ifAny: self.id)
        c.pointee.has_failover_timeout = 1
        c.pointee.failover_timeout = self.failoverTimeout.asSeconds
        if !self.hostname.isEmpty { c.pointee.hostname = arena.text(self.hostname) }
        c.pointee.principal = arena.text(ifAny: self.principal)
        if self.capabilities.contains(.multiRole) {
            c.pointee.n_roles = self.roles.count
            c.pointee.roles = arena.texts(self.roles)
        } else if let role = self.roles.first, role != "*" {
            c.pointee.role = arena.text(role)
        }
        c.pointee.n_capabilities = self.capabilities.count
        c.pointee.capabilities = arena.list(self.capabilities.map(\.rawValue).sorted()) { type in
            let capability = arena.make(Meseta__V1__FrameworkInfo__Capability.self)
            capability.pointee.has_type = 1
            capability.pointee.type = .init(rawValue: UInt32(bitPattern: type))
            return capability
        }
        if self.partitionPolicy != .replace {
            c.pointee.has_partition_policy = 1
            c.pointee.partition_policy = .init(rawValue: UInt32(bitPattern: self.partitionPolicy.rawValue))
        }
        c.pointee.n_offer_filters = self.minimumOffers.count
        c.pointee.offer_filters = arena.list(self.minimumOffers.sorted { $0.key < $1.key }) { role, offers in
            let entry = arena.make(Meseta__V1__FrameworkInfo__OfferFiltersEntry.self)
            entry.pointee.key = arena.text(role)
            entry.pointee.value = arena.make(Meseta__V1__OfferFilters.self)
            entry.pointee.value.pointee.min_allocatable_resources = arena.minimumOffers(offers)
            return entry
        }
        return PackedMessage(c)
    }
}

extension MessageArena {
    fileprivate func minimumOffers(
        _ offers: [Resources]
    ) -> UnsafeMutablePointer<Meseta__V1__OfferFilters__MinAllocatableResources> {
        let c = self.make(Meseta__V1__OfferFilters__MinAllocatableResources.self)
        c.pointee.n_quantities = offers.count
        c.pointee.quantities = self.list(offers) { resources in
            var scalars = [
                ("cpus", resources.cpus), ("mem", resources.mem), ("disk", resources.disk), ("gpus", resources.gpus),
            ].filter { $0.1 > 0 }
            for other in resources.others {
                if case .scalar(let milli) = other.value { scalars.append((other.name, milli)) }
            }
            let quantities = self.make(Meseta__V1__OfferFilters__ResourceQuantities.self)
            quantities.pointee.n_quantities = scalars.count
            quantities.pointee.quantities = self.list(scalars) { name, milli in
                let entry = self.make(Meseta__V1__OfferFilters__ResourceQuantities__QuantitiesEntry.self)
                entry.pointee.key = self.text(name)
                entry.pointee.value = self.scalar(milli)
                return entry
            }
            return quantities
        }
        return c
    }
}
