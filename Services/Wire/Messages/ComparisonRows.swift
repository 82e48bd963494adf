internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.OperatorResponse.Shadow`.
extension ShadowRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Shadow>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(name: try reader.text(row.name, "name"))
        self.watched = .nanoseconds(row.watched_ns)
        self.index = try reader.finite(row.index, "index")
        self.shadowIndex = try reader.finite(row.shadow_index, "shadow_index")
        self.proposals = row.proposals
        self.refusals = row.refusals
        self.revocations = row.revocations
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Shadow> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Shadow.self)
        c.pointee.name = arena.text(self.name)
        c.pointee.watched_ns = self.watched.nanoseconds
        c.pointee.index = self.index
        c.pointee.shadow_index = self.shadowIndex
        c.pointee.proposals = self.proposals
        c.pointee.refusals = self.refusals
        c.pointee.revocations = self.revocations
        return c
    }
}

/// `meseta.wire.OperatorResponse.Comparison`.
extension ComparisonRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Comparison>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(
            shadow: try reader.text(row.shadow, "shadow"),
            frameworkID: try reader.id(row.framework_id, "framework_id"))
        self.name = try reader.text(row.name, "name")
        self.role = try reader.text(row.role, "role")
        self.entitled = try reader.finite(row.entitled, "entitled")
        if let real = row.real { self.real = try Outcome(real, reader) }
        if let ifDecided = row.if_decided { self.ifDecided = try Outcome(ifDecided, reader) }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Comparison> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Comparison.self)
        c.pointee.shadow = arena.text(self.shadow)
        c.pointee.framework_id = arena.text(self.frameworkID.rawValue)
        c.pointee.name = arena.text(self.name)
        c.pointee.role = arena.text(self.role)
        c.pointee.entitled = self.entitled
        c.pointee.real = self.real.c(in: arena)
        c.pointee.if_decided = self.ifDecided.c(in: arena)
        return c
    }
}

/// `meseta.wire.OperatorResponse.Outcome`.
extension ComparisonRow.Outcome {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Outcome>, _ reader: MessageReader
    ) throws(MessageError) {
        self.init()
        self.share = try reader.finite(c.pointee.share, "share")
        self.waits = c.pointee.waits
        self.meanWait = .nanoseconds(c.pointee.mean_wait_ns)
        self.longestWait = .nanoseconds(c.pointee.longest_wait_ns)
        self.tasks = c.pointee.tasks
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Outcome> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Outcome.self)
        c.pointee.share = self.share
        c.pointee.waits = self.waits
        c.pointee.mean_wait_ns = self.meanWait.nanoseconds
        c.pointee.longest_wait_ns = self.longestWait.nanoseconds
        c.pointee.tasks = self.tasks
        return c
    }
}
