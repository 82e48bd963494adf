internal import Model

extension Cell {
    /// Resources by name: numbers where they are scalars, text where they are ranges or sets.
    static func resources(_ resources: Resources) -> Cell {
        var fields: [(String, Cell)] = []
        for name in ["cpus", "mem", "disk", "gpus"] where resources.scalar(name) != 0 {
            fields.append((name, .number(Double(resources.scalar(name)) / 1000)))
        }
        for other in resources.others {
            switch other.value {
            case .scalar(let milli): fields.append((other.name, .number(Double(milli) / 1000)))
            case .ranges(let ranges): fields.append((other.name, .text("\(ranges)")))
            case .set(let items): fields.append((other.name, .list(items)))
            }
        }
        return .fields(fields)
    }

    /// How much of one resource is used, offered, and there: `1.5+0.5/4`.
    static func usage(_ name: String, used: Resources, offered: Resources, total: Resources) -> Cell {
        func text(_ resources: Resources) -> String { Resources.text(thousandths: resources.scalar(name)) }
        let held = offered.scalar(name) == 0 ? text(used) : "\(text(used))+\(text(offered))"
        return .text("\(held)/\(text(total))")
    }
}

extension ClusterStatus {
    /// Name and value, a line each.
    var fields: [(String, Cell)] {
        [
            ("leader", .text(self.name)), ("address", .text(self.address)),
            ("epoch", .number(Double(self.epoch.value))),
            ("leading_seconds", .number(self.leadingFor.asSeconds.rounded())),
            ("agents", .number(Double(self.agents))), ("agents_away", .number(Double(self.agentsAway))),
            ("agents_unreachable", .number(Double(self.agentsUnreachable))), ("relays", .number(Double(self.relays))),
            ("allocators", .number(Double(self.allocators))), ("frameworks", .number(Double(self.frameworks))),
            ("tasks", .number(Double(self.tasks))), ("offers", .number(Double(self.offers))),
            ("total", .resources(self.total)), ("used", .resources(self.used)),
            ("offered", .resources(self.offered)),
        ]
    }
}

extension AgentRow {
    /// active, deactivated, draining or drained.
    var modeWord: String { self.isDrained ? "drained" : self.mode.word }

    static let columns = [
        "id", "hostname", "attached", "mode", "cpus", "mem", "tasks", "relay", "allocator", "side_port", "attributes",
    ]
    var cells: [Cell] {
        [
            .text(self.id.rawValue), .text(self.hostname), .flag(self.isAttached), .text(self.modeWord),
            .usage("cpus", used: self.used, offered: self.offered, total: self.total),
            .usage("mem", used: self.used, offered: self.offered, total: self.total), .number(Double(self.tasks)),
            .text(self.relay), .text(self.allocator), .number(Double(self.sidePort)), .text(self.attributes),
        ]
    }

    static let detailedColumns = [
        "id", "hostname", "attached", "active", "mode", "tasks", "relay", "allocator", "side_port", "attributes",
        "total",
        "used",
        "offered",
    ]
    var detailedCells: [Cell] {
        [
            .text(self.id.rawValue), .text(self.hostname), .flag(self.isAttached), .flag(self.isActive),
            .text(self.modeWord), .number(Double(self.tasks)), .text(self.relay), .text(self.allocator),
            .number(Double(self.sidePort)),
            .text(self.attributes), .resources(self.total), .resources(self.used), .resources(self.offered),
        ]
    }
}

extension FrameworkRow {
    static let columns = [
        "id", "name", "user", "roles", "connected", "suppressed", "tasks", "offers", "dominant_share", "used",
        "offered",
    ]
    var cells: [Cell] {
        [
            .text(self.id.rawValue), .text(self.name), .text(self.user), .list(self.roles), .flag(self.isConnected),
            .flag(self.isSuppressed), .number(Double(self.tasks)), .number(Double(self.offers)),
            .number((self.dominantShare * 10_000).rounded() / 10_000), .resources(self.used), .resources(self.offered),
        ]
    }
}

extension TaskRow {
    static let columns = [
        "id", "framework", "name", "state", "agent", "hostname", "executor", "resources", "message",
    ]
    var cells: [Cell] {
        [
            .text(self.key.task.rawValue), .text(self.key.framework.rawValue), .text(self.name), .text(self.state.name),
            .text(self.agentID?.rawValue ?? ""), .text(self.hostname), .text(self.executorID?.rawValue ?? ""),
            .resources(self.resources), .text(self.message),
        ]
    }
}

extension OfferRow {
    static let columns = ["id", "framework", "agent", "hostname", "age_seconds", "resources"]
    var cells: [Cell] {
        [
            .text(self.id.rawValue), .text(self.frameworkID.rawValue), .text(self.agentID.rawValue),
            .text(self.hostname), .number((self.age.asSeconds * 10).rounded() / 10), .resources(self.resources),
        ]
    }
}
