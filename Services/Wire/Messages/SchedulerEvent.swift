internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.scheduler.Event`, by its twin. An event of a type that this version does not know is the error
/// `unknownKind`, which a scheduler skips.
extension SchedulerEvent: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerEvent>, _ reader: MessageReader
    ) throws(MessageError) {
        guard c.pointee.has_type != 0 else { throw reader.missing("type") }
        let event = c.pointee
        switch event.type {
        case MESETA__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED:
            self = .subscribed(try Subscribed(try reader.required(event.subscribed, "subscribed"), reader))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__OFFERS:
            let offers = try reader.required(event.offers, "offers").pointee
            self = .offers(
                try reader.list(offers.n_offers, offers.offers) { offer throws(MessageError) in
                    try Offer(offer, reader)
                })
        case MESETA__V1__SCHEDULER__EVENT__TYPE__RESCIND:
            let rescind = try reader.required(event.rescind, "rescind").pointee
            self = .rescind(try reader.id(rescind.offer_id, "rescind.offer_id"))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__UPDATE:
            self = .update(.encoded(reader.bytes(try reader.required(event.update, "update").pointee.status)))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__MESSAGE:
            let message = try reader.required(event.message, "message").pointee
            self = .message(
                try reader.id(message.agent_id, "message.agent_id"),
                try reader.id(message.executor_id, "message.executor_id"), reader.bytes(message.data))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__FAILURE:
            let failure = try reader.required(event.failure, "failure").pointee
            self = .failure(
                try reader.optionalID(failure.agent_id, "failure.agent_id"),
                try reader.optionalID(failure.executor_id, "failure.executor_id"),
                status: failure.has_status != 0 ? failure.status : nil)
        case MESETA__V1__SCHEDULER__EVENT__TYPE__ERROR:
            let error = try reader.required(event.error, "error").pointee
            self = .error(
                try reader.text(error.message, "error.message"),
                leader: try reader.nonEmptyText(error.leader, "error.leader"))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS:
            let offers = try reader.required(event.inverse_offers, "inverse_offers").pointee
            self = .inverseOffers(
                try reader.list(offers.n_inverse_offers, offers.inverse_offers) { offer throws(MessageError) in
                    try InverseOffer(offer, reader)
                })
        case MESETA__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER:
            let rescind = try reader.required(event.rescind_inverse_offer, "rescind_inverse_offer").pointee
            self = .rescindInverseOffer(try reader.id(rescind.inverse_offer_id, "inverse_offer_id"))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__RELAYS:
            let relays = event.relays?.pointee
            self = .relays(try reader.relays(relays?.n_relays ?? 0, relays?.relays))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__GUARANTEES:
            let guarantees = event.guarantees?.pointee
            self = .guarantees(try reader.guarantees(guarantees?.n_guarantee ?? 0, guarantees?.guarantee))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__STANDBY:
            let standby = try reader.required(event.standby, "standby").pointee
            self = .standby(
                Standby(
                    frameworkID: try reader.id(standby.framework_id, "standby.framework_id"), place: standby.place,
                    active: try reader.nonEmptyText(standby.active, "standby.active")))
        case MESETA__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT:
            self = .heartbeat
        default:
            throw MessageError(.unknownKind(name: "\(event.type.rawValue)"), in: reader.message)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Twin__SchedulerEvent.self)
        c.pointee.has_type = 1
        switch self {
        case .subscribed(let subscribed):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED
            c.pointee.subscribed = subscribed.c(in: arena)
        case .offers(let offers):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__OFFERS
            c.pointee.offers = arena.make()
            c.pointee.offers.pointee.n_offers = offers.count
            c.pointee.offers.pointee.offers = arena.list(offers) { $0.c(in: arena) }
        case .rescind(let offerID):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__RESCIND
            c.pointee.rescind = arena.make()
            c.pointee.rescind.pointee.offer_id = arena.id(offerID)
        case .update(let payload):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__UPDATE
            c.pointee.update = arena.make()
            switch payload {
            case .status(let status): c.pointee.update.pointee.status = arena.binary(of: status)
            case .encoded(let bytes): c.pointee.update.pointee.status = arena.binary(bytes)
            }
        case .message(let agentID, let executorID, let data):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__MESSAGE
            c.pointee.message = arena.make()
            c.pointee.message.pointee.agent_id = arena.id(agentID)
            c.pointee.message.pointee.executor_id = arena.id(executorID)
            c.pointee.message.pointee.data = arena.binary(data)
        case .failure(let agentID, let executorID, let status):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__FAILURE
            c.pointee.failure = arena.make()
            c.pointee.failure.pointee.agent_id = arena.id(ifAny: agentID)
            c.pointee.failure.pointee.executor_id = arena.id(ifAny: executorID)
            c.pointee.failure.pointee.has_status = status == nil ? 0 : 1
            c.pointee.failure.pointee.status = status ?? 0
        case .error(let message, let leader):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__ERROR
            c.pointee.error = arena.make()
            c.pointee.error.pointee.message = arena.text(message)
            c.pointee.error.pointee.leader = arena.text(ifAny: leader)
        case .inverseOffers(let offers):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS
            c.pointee.inverse_offers = arena.make()
            c.pointee.inverse_offers.pointee.n_inverse_offers = offers.count
            c.pointee.inverse_offers.pointee.inverse_offers = arena.list(offers) { $0.c(in: arena) }
        case .rescindInverseOffer(let offerID):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER
            c.pointee.rescind_inverse_offer = arena.make()
            c.pointee.rescind_inverse_offer.pointee.inverse_offer_id = arena.id(offerID)
        case .relays(let relays):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__RELAYS
            c.pointee.relays = arena.make()
            c.pointee.relays.pointee.n_relays = relays.count
            c.pointee.relays.pointee.relays = arena.list(relays) { $0.c(in: arena) }
        case .guarantees(let guarantees):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__GUARANTEES
            c.pointee.guarantees = arena.make()
            (c.pointee.guarantees.pointee.n_guarantee, c.pointee.guarantees.pointee.guarantee) = arena.guarantees(
                guarantees)
        case .standby(let standby):
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__STANDBY
            c.pointee.standby = arena.make()
            c.pointee.standby.pointee.framework_id = arena.id(standby.frameworkID)
            c.pointee.standby.pointee.has_place = 1
            c.pointee.standby.pointee.place = standby.place
            c.pointee.standby.pointee.active = arena.text(ifAny: standby.active)
        case .heartbeat:
            c.pointee.type = MESETA__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT
        }
        return PackedMessage(c)
    }
}

/// `meseta.v1.scheduler.Event.Subscribed`.
extension SchedulerEvent.Subscribed {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__V1__Scheduler__Event__Subscribed>, _ reader: MessageReader
    ) throws(MessageError) {
        let interval = c.pointee.has_heartbeat_interval_seconds != 0 ? c.pointee.heartbeat_interval_seconds : 15
        guard let interval = Duration(foreignSeconds: interval) else {
            throw reader.invalid("subscribed.heartbeat_interval_seconds", "is \(interval), which is no length of time")
        }
        var master = MasterInfo(id: "", address: "")
        if let info = c.pointee.master_info { master = try MasterInfo(info, reader) }
        self.init(
            frameworkID: try reader.id(c.pointee.framework_id, "subscribed.framework_id"), heartbeatInterval: interval,
            master: master, relays: try reader.relays(c.pointee.n_relays, c.pointee.relays),
            subscription: reader.subscription(c.pointee.subscription))
        self.guarantees = try reader.guarantees(c.pointee.n_guarantee, c.pointee.guarantee)
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Scheduler__Event__Subscribed> {
        let c = arena.make(Meseta__V1__Scheduler__Event__Subscribed.self)
        c.pointee.framework_id = arena.id(self.frameworkID)
        c.pointee.has_heartbeat_interval_seconds = 1
        c.pointee.heartbeat_interval_seconds = self.heartbeatInterval.asSeconds
        c.pointee.master_info = self.master.c(in: arena)
        c.pointee.n_relays = self.relays.count
        c.pointee.relays = arena.list(self.relays) { $0.c(in: arena) }
        c.pointee.subscription = arena.subscription(ifAny: self.subscription)
        (c.pointee.n_guarantee, c.pointee.guarantee) = arena.guarantees(self.guarantees)
        return c
    }
}

/// What is guaranteed: a list of `meseta.v1.Resource`, those of a role allocated to it.
extension MessageReader {
    fileprivate func guarantees(
        _ count: Int, _ items: UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__Resource>?>?
    ) throws(MessageError) -> Guarantees {
        var guarantees = Guarantees()
        guard count > 0, let items else { return guarantees }
        var lists: [String?: [UnsafeMutablePointer<Meseta__V1__Resource>?]] = [:]
        for item in UnsafeBufferPointer(start: items, count: count) {
            let role = try self.nonEmptyText(item?.pointee.allocation_info?.pointee.role, "guarantee.allocation_info")
            lists[role, default: []].append(item)
        }
        for (role, var list) in lists {
            let resources = try list.withUnsafeMutableBufferPointer { list throws(MessageError) in
                try self.resources(list.count, list.baseAddress, "guarantee")
            }
            if let role { guarantees.roles[role] = resources } else { guarantees.own = resources }
        }
        return guarantees
    }
}

extension MessageArena {
    fileprivate func guarantees(
        _ guarantees: Guarantees
    ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__Resource>?>?) {
        let parts =
            [self.resources(guarantees.own)]
            + guarantees.roles.sorted { $0.key < $1.key }.map { self.resources($0.value, allocatedTo: $0.key) }
        let items = parts.flatMap { Array(UnsafeBufferPointer(start: $0.1, count: $0.0)) }
        let list = self.array(items.count, of: UnsafeMutablePointer<Meseta__V1__Resource>?.self)
        for (index, item) in items.enumerated() { list[index] = item }
        return (items.count, items.isEmpty ? nil : list)
    }
}

/// `meseta.v1.RelayInfo`.
extension RelayInfo {
    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__RelayInfo> {
        let c = arena.make(Meseta__V1__RelayInfo.self)
        c.pointee.name = arena.text(self.name)
        c.pointee.address = arena.text(self.address)
        return c
    }
}

extension MessageReader {
    fileprivate func relays(
        _ count: Int, _ relays: UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__RelayInfo>?>?
    ) throws(MessageError) -> [RelayInfo] {
        try self.list(count, relays) { relay throws(MessageError) in
            RelayInfo(
                name: try self.text(relay.pointee.name, "relays.name"),
                address: try self.text(relay.pointee.address, "relays.address"))
        }
    }
}

/// `meseta.v1.MasterInfo`: the address in parts, and an IPv4 address once more as a number.
extension MasterInfo {
    init(_ c: UnsafeMutablePointer<Meseta__V1__MasterInfo>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("MasterInfo")
        let info = c.pointee
        let address = info.address?.pointee
        var host = try reader.nonEmptyText(address?.hostname, "address.hostname")
        if host == nil { host = try reader.nonEmptyText(address?.ip, "address.ip") }
        if host == nil { host = try reader.nonEmptyText(info.hostname, "hostname") }
        let port = try reader.port(address.map { UInt32(bitPattern: $0.port) } ?? info.port, "port")
        let name = host ?? (info.ip == 0 ? "" : Self.text(ofIP: info.ip))
        self.init(
            id: try reader.text(info.id, "id"),
            address: name.isEmpty ? "" : (name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__MasterInfo> {
        let c = arena.make(Meseta__V1__MasterInfo.self)
        c.pointee.id = arena.text(self.id)
        guard let (host, port) = self.hostAndPort else { return c }
        let ip = Self.ip(of: host)
        c.pointee.ip = ip ?? 0
        c.pointee.port = UInt32(port)
        c.pointee.hostname = arena.text(host)
        c.pointee.address = arena.make()
        c.pointee.address.pointee.port = Int32(port)
        c.pointee.address.pointee.hostname = arena.text(host)
        if ip != nil { c.pointee.address.pointee.ip = arena.text(host) }
        return c
    }

    private var hostAndPort: (String, UInt16)? {
        guard let colon = self.address.lastIndex(of: ":"),
            let port = UInt16(self.address[self.address.index(after: colon)...])
        else { return nil }
        let host = self.address[..<colon]
        return (host.first == "[" && host.last == "]" ? String(host.dropFirst().dropLast()) : String(host), port)
    }

    /// The four bytes in network order, in the number's own order: what `in_addr` holds on the machines we run on.
    private static func ip(of host: String) -> UInt32? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, !parts.contains(nil) else { return nil }
        return parts.reversed().reduce(0) { $0 << 8 | UInt32($1!) }
    }

    private static func text(ofIP ip: UInt32) -> String {
        "\(ip & 0xff).\(ip >> 8 & 0xff).\(ip >> 16 & 0xff).\(ip >> 24)"
    }
}

/// `meseta.v1.Subscription`.
extension MessageReader {
    func subscription(_ c: UnsafeMutablePointer<Meseta__V1__Subscription>?) -> Subscription? {
        guard let c = c?.pointee else { return nil }
        return Subscription(epoch: Epoch(c.epoch), counter: c.counter, token: self.bytes(c.token))
    }
}

extension MessageArena {
    func subscription(ifAny subscription: Subscription?) -> UnsafeMutablePointer<Meseta__V1__Subscription>? {
        guard let subscription else { return nil }
        let c = self.make(Meseta__V1__Subscription.self)
        c.pointee.epoch = subscription.epoch.value
        c.pointee.counter = subscription.counter
        c.pointee.token = self.binary(subscription.token)
        return c
    }
}
