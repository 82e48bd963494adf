internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.wire.OperatorResponse.Share`.
extension ShareRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Share>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        self.init(
            role: try reader.text(row.role, "role"),
            frameworkID: try reader.optionalID(row.framework_id, "framework_id"))
        self.name = try reader.text(row.name, "name")
        self.weight = try reader.weight(row.weight)
        self.priority = row.priority
        self.guarantee = try reader.sum(row.guarantee, "guarantee")
        if row.has_limit != 0 { self.limit = try reader.sum(row.limit, "limit") }
        self.held = try reader.sum(row.held, "held")
        self.dominantShare = try reader.finite(row.dominant_share, "dominant_share")
        self.dominantResource = try reader.text(row.dominant_resource, "dominant_resource")
        self.frameworks = row.frameworks
        self.waitsFor = try reader.text(row.waits_for, "waits_for")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Share> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Share.self)
        c.pointee.role = arena.text(self.role)
        if let frameworkID { c.pointee.framework_id = arena.text(frameworkID.rawValue) }
        c.pointee.name = arena.text(self.name)
        c.pointee.weight = self.weight
        c.pointee.priority = self.priority
        c.pointee.guarantee = self.guarantee.c(in: arena)
        c.pointee.has_limit = self.limit == nil ? 0 : 1
        c.pointee.limit = self.limit?.c(in: arena)
        c.pointee.held = self.held.c(in: arena)
        c.pointee.dominant_share = self.dominantShare
        c.pointee.dominant_resource = arena.text(self.dominantResource)
        c.pointee.frameworks = self.frameworks
        c.pointee.waits_for = arena.text(self.waitsFor)
        return c
    }
}

/// `meseta.wire.OperatorResponse.Obstacle`.
extension ObstacleRow {
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Obstacle>, _ reader: MessageReader
    ) throws(MessageError) {
        let row = c.pointee
        guard let obstacle = OfferObstacle(rawValue: row.obstacle) else {
            throw reader.invalid("obstacle", "is \(row.obstacle), which is no reason that this version knows")
        }
        self.init(
            role: try reader.text(row.role, "role"), obstacle: obstacle, agents: row.agents,
            detail: try reader.text(row.detail, "detail"))
        self.nearest = try reader.texts(row.n_nearest, row.nearest, "nearest")
        self.ahead = try reader.list(row.n_ahead, row.ahead) { ahead throws(MessageError) in
            let row = ahead.pointee
            return AheadRow(
                frameworkID: FrameworkID(try reader.text(row.framework, "ahead.framework")),
                name: try reader.text(row.name, "ahead.name"), role: try reader.text(row.role, "ahead.role"),
                dominantShare: row.dominant_share, isOffered: row.offered != 0)
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__OperatorResponse__Obstacle> {
        let c = arena.make(Meseta__Wire__OperatorResponse__Obstacle.self)
        c.pointee.role = arena.text(self.role)
        c.pointee.obstacle = self.obstacle.rawValue
        c.pointee.agents = self.agents
        c.pointee.detail = arena.text(self.detail)
        c.pointee.n_nearest = self.nearest.count
        c.pointee.nearest = arena.texts(self.nearest)
        c.pointee.n_ahead = self.ahead.count
        c.pointee.ahead = arena.list(self.ahead) { row in
            let c = arena.make(Meseta__Wire__OperatorResponse__Ahead.self)
            c.pointee.framework = arena.text(row.frameworkID.rawValue)
            c.pointee.name = arena.text(row.name)
            c.pointee.role = arena.text(row.role)
            c.pointee.dominant_share = row.dominantShare
            c.pointee.offered = row.isOffered ? 1 : 0
            return c
        }
        return c
    }
}
