internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.Offer`, by its twin: attributes and domain are taken over from the agent's `AgentInfo` as they came.
extension Offer {
    private static let attributesField: UInt32 = 5
    private static let domainField: UInt32 = 10

    init(_ c: UnsafeMutablePointer<Meseta__Twin__Offer>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("Offer")
        let offer = c.pointee
        let hostname = try reader.text(offer.hostname, "hostname")
        self.init(
            id: try reader.id(offer.id, "id"), frameworkID: try reader.id(offer.framework_id, "framework_id"),
            agentID: try reader.id(offer.agent_id, "agent_id"), hostname: hostname,
            sidePort: try reader.port(
                UInt32(bitPattern: offer.url?.pointee.address?.pointee.port ?? 0), "url.address.port"),
            resources: try reader.resources(offer.n_resources, offer.resources),
            role: try reader.nonEmptyText(offer.allocation_info?.pointee.role, "allocation_info.role") ?? "*",
            executorIDs: try reader.list(offer.n_executor_ids, offer.executor_ids) { id throws(MessageError) in
                try reader.id(id, "executor_ids")
            },
            attributes: Self.agentInfo(of: c, hostname: hostname, reader))
    }

    /// What the offer says of its agent, as an `AgentInfo`; empty if that is nothing.
    private static func agentInfo(
        of c: UnsafeMutablePointer<Meseta__Twin__Offer>, hostname: String, _ reader: MessageReader
    ) -> Bytes {
        guard c.pointee.n_attributes > 0 || c.pointee.has_domain != 0 else { return [] }
        let info = reader.arena.make(Meseta__Twin__AgentInfo.self)
        info.pointee.hostname = reader.arena.text(hostname)
        info.pointee.n_attributes = c.pointee.n_attributes
        info.pointee.attributes = c.pointee.attributes
        info.pointee.has_domain = c.pointee.has_domain
        info.pointee.domain = c.pointee.domain
        return PackedMessage(info).bytes
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Twin__Offer> {
        let c = arena.make(Meseta__Twin__Offer.self)
        c.pointee.id = arena.id(self.id)
        c.pointee.framework_id = arena.id(self.frameworkID)
        c.pointee.agent_id = arena.id(self.agentID)
        c.pointee.hostname = arena.text(self.hostname)
        (c.pointee.n_resources, c.pointee.resources) = arena.resources(self.resources, allocatedTo: self.role)
        c.pointee.n_executor_ids = self.executorIDs.count
        c.pointee.executor_ids = arena.list(self.executorIDs) { arena.id($0) }
        if !self.attributes.isEmpty { self.fillAttributes(c, in: arena) }
        if self.sidePort > 0 {
            c.pointee.url = arena.make()
            c.pointee.url.pointee.scheme = arena.text("http")
            c.pointee.url.pointee.address = arena.make()
            c.pointee.url.pointee.address.pointee.hostname = c.pointee.hostname
            c.pointee.url.pointee.address.pointee.port = Int32(self.sidePort)
        }
        c.pointee.allocation_info = arena.make()
        c.pointee.allocation_info.pointee.role = arena.text(self.role)
        return c
    }

    private func fillAttributes(_ c: UnsafeMutablePointer<Meseta__Twin__Offer>, in arena: MessageArena) {
        self.attributes.withUnsafeBytes { bytes in
            var attributes: [UnsafeRawBufferPointer] = []
            var fields = RawFields(bytes)
            while let field = try? fields.next() {
                guard field.kind == .lengthDelimited else { continue }
                let value = UnsafeRawBufferPointer(rebasing: bytes[field.value])
                if field.number == Self.attributesField { attributes.append(value) }
                if field.number == Self.domainField {
                    c.pointee.has_domain = 1
                    c.pointee.domain = arena.binary(value)
                }
            }
            c.pointee.n_attributes = attributes.count
            c.pointee.attributes = arena.binaries(attributes) { arena.binary($0) }
        }
    }
}

/// `meseta.v1.InverseOffer`.
extension InverseOffer {
    init(_ c: UnsafeMutablePointer<Meseta__V1__InverseOffer>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("InverseOffer")
        let unavailability = try reader.required(c.pointee.unavailability, "unavailability")
        let start = try reader.required(unavailability.pointee.start, "unavailability.start")
        self.init(
            id: try reader.id(c.pointee.id, "id"), frameworkID: try reader.id(c.pointee.framework_id, "framework_id"),
            agentID: try reader.optionalID(c.pointee.agent_id, "agent_id"),
            resources: try reader.resources(c.pointee.n_resources, c.pointee.resources),
            start: Instant(nanoseconds: start.pointee.nanoseconds))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__InverseOffer> {
        let c = arena.make(Meseta__V1__InverseOffer.self)
        c.pointee.id = arena.id(self.id)
        c.pointee.framework_id = arena.id(self.frameworkID)
        c.pointee.agent_id = arena.id(ifAny: self.agentID)
        c.pointee.unavailability = arena.make()
        c.pointee.unavailability.pointee.start = arena.make()
        c.pointee.unavailability.pointee.start.pointee.nanoseconds = self.start.nanoseconds
        (c.pointee.n_resources, c.pointee.resources) = arena.resources(self.resources)
        return c
    }
}
