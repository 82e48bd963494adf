/// What `meseta top` shows of one round: the machines, and what runs on them.
///
/// A value: made of what agents answered, and of why others did not.
struct TopTable {
    /// An agent and what came of asking it.
    struct Report: Sendable {
        /// Its id.
        var agent: String
        var hostname: String
        var outcome: Outcome
    }

    /// What came of asking an agent.
    enum Outcome: Sendable {
        case answered(UsageAnswer)
        /// Why there is nothing to show.
        case problem(String)
    }

    /// What the containers are ordered by, the largest first.
    enum Order: String, CaseIterable {
        case cpu, mem, disk, pids

        /// What of a container counts.
        func value(_ container: UsageAnswer.Container) -> Double? {
            switch self {
            case .cpu: container.cores
            case .mem: container.memory.map { Double($0) }
            case .disk: container.disk.map { Double($0) }
            case .pids: container.processes.map { Double($0) }
            }
        }
    }

    /// A container and where it is.
    struct Row {
        var agent: String
        var hostname: String
        var container: UsageAnswer.Container
    }

    /// By id.
    let reports: [Report]
    /// In the order that was wanted.
    let rows: [Row]

    /// - Parameter framework: Only what is its.
    init(_ reports: [Report], by order: Order, framework: String? = nil) {
        self.reports = reports.map(Self.checked).sorted { $0.agent < $1.agent }
        var rows: [Row] = []
        for report in self.reports {
            guard case .answered(let usage) = report.outcome else { continue }
            for container in usage.containers where framework == nil || container.framework == framework {
                rows.append(Row(agent: report.agent, hostname: report.hostname, container: container))
            }
        }
        self.rows = rows.sorted { Self.isBefore($0, $1, by: order) }
    }

    /// Behind an address there may be another agent than the master thinks, or one that has no id yet.
    private static func checked(_ report: Report) -> Report {
        guard case .answered(let usage) = report.outcome, usage.agent.id != report.agent else { return report }
        var report = report
        report.outcome = .problem(
            usage.agent.id.map { "agent \($0) answers there" } ?? "it answers, and is not registered yet")
        return report
    }

    /// What is not known is last; what is equal is in the order of the ids, so that rows do not jump.
    private static func isBefore(_ one: Row, _ other: Row, by order: Order) -> Bool {
        let (first, second) = (order.value(one.container) ?? -1, order.value(other.container) ?? -1)
        guard first == second else { return first > second }
        func key(_ row: Row) -> (String, String, String, UInt64) {
            (row.agent, row.container.framework, row.container.name, row.container.run ?? 0)
        }
        return key(one) < key(other)
    }

    // MARK: As tables

    /// A line for each agent.
    var machines: Listing {
        var listing = Listing([
            "agent", "hostname", "runs", "cpu", "of", "load", "mem", "free", "of_mem", "disk", "pids", "pressure",
        ])
        listing.rightAligned = ["runs", "cpu", "of", "load", "mem", "free", "of_mem", "disk", "pids"]
        for report in self.reports {
            let head: [Cell] = [.text(report.agent), .text(report.hostname)]
            switch report.outcome {
            case .problem(let problem):
                let blanks = [Cell](repeating: .text(""), count: listing.columns.count - 3)
                listing.rows.append(head + blanks + [.text(problem)])
            case .answered(let usage):
                listing.rows.append(head + Self.cells(of: usage))
            }
        }
        return listing
    }

    private static func cells(of usage: UsageAnswer) -> [Cell] {
        let (node, all) = (usage.node, usage.containers)
        let stalls = ["cpu", "memory", "io"].compactMap { name in
            node.pressure?[name].map { "\(name) \(Int(($0 * 100).rounded()))%" }
        }
        return [
            .text("\(all.count)"), .cores(all.reduce(0) { $0 + ($1.cores ?? 0) }), .cores(node.cpus),
            .cores(node.load), .bytes(all.reduce(0) { $0 + ($1.memory ?? 0) }), .bytes(node.memoryAvailable),
            .bytes(node.memoryTotal), .bytes(all.reduce(0) { $0 + ($1.disk ?? 0) }),
            .text("\(all.reduce(0) { $0 + ($1.processes ?? 0) })"), .text(stalls.joined(separator: " ")),
        ]
    }

    /// A line for each container.
    ///
    /// - Parameter isWide: Everything, instead of what is looked at most.
    func containers(isWide: Bool) -> Listing {
        var columns = ["task", "framework", "agent", "cpu", "of", "mem", "peak", "limit", "disk", "quota", "pids"]
        var listing = Listing(isWide ? columns + ["hostname", "kind", "run", "cpu_time", "processors"] : columns)
        columns.removeFirst(3)
        listing.rightAligned = Set(columns + ["run", "cpu_time"])
        for row in self.rows {
            let container = row.container
            var cells: [Cell] = [
                .text(container.name), .text(container.framework), .text(row.agent), .cores(container.cores),
                .cores(container.cpus), .bytes(container.memory), .bytes(container.memoryPeak),
                .bytes(container.memoryLimit), .bytes(container.disk), .bytes(container.diskQuota),
                .text(container.processes.map { "\($0)" } ?? ""),
            ]
            if isWide {
                cells += [
                    .text(row.hostname), .text(container.task == nil ? "executor" : "task"),
                    .text(container.run.map { "\($0)" } ?? ""),
                    .text(container.cpuSeconds.map { "\(($0 * 10).rounded() / 10)s" } ?? ""),
                    .text(container.processors ?? ""),
                ]
            }
            listing.rows.append(cells)
        }
        return listing
    }

    // MARK: As JSON

    /// One object in one line: `agents` and `containers`, with the names that `/usage` has.
    ///
    /// What is not known is left out.
    var json: String {
        let agents = self.reports.map { report in
            var fields: [(String, Cell)] = [("id", .text(report.agent)), ("hostname", .text(report.hostname))]
            switch report.outcome {
            case .problem(let problem): fields.append(("problem", .text(problem)))
            case .answered(let usage): fields += Self.fields(of: usage.node)
            }
            return Cell.fields(fields)
        }
        let containers = self.rows.map { row in
            Cell.fields([("agent", .text(row.agent)), ("hostname", .text(row.hostname))] + row.container.fields)
        }
        func list(_ cells: [Cell]) -> Cell { .things(cells.map { (shown: "", json: $0) }) }
        return Cell.fields([("agents", list(agents)), ("containers", list(containers))]).json
    }

    private static func fields(of node: UsageAnswer.Node) -> [(String, Cell)] {
        var fields = [(String, Double?)]([
            ("cpus", node.cpus), ("load", node.load), ("memory_total_bytes", node.memoryTotal.map { Double($0) }),
            ("memory_available_bytes", node.memoryAvailable.map { Double($0) }),
        ]).numbers
        let pressure = (node.pressure ?? [:]).sorted { $0.key < $1.key }
        fields.append(("pressure", .fields(pressure.map { ($0.key, .number($0.value)) })))
        return fields
    }
}

extension UsageAnswer.Container {
    /// That of the task, or of the executor.
    var name: String { self.task ?? self.executor ?? "" }

    fileprivate var fields: [(String, Cell)] {
        let texts: [(String, String?)] = [
            ("framework", self.framework), ("task", self.task), ("executor", self.executor),
            ("processors", self.processors),
        ]
        let numbers: [(String, Double?)] = [
            ("run", self.run.map { Double($0) }), ("cpus", self.cpus), ("cpu_cores", self.cores),
            ("cpu_seconds", self.cpuSeconds), ("memory_bytes", self.memory.map { Double($0) }),
            ("memory_peak_bytes", self.memoryPeak.map { Double($0) }),
            ("memory_limit_bytes", self.memoryLimit.map { Double($0) }), ("disk_bytes", self.disk.map { Double($0) }),
            ("disk_quota_bytes", self.diskQuota.map { Double($0) }), ("processes", self.processes.map { Double($0) }),
        ]
        return texts.compactMap { name, text in text.map { (name, .text($0)) } } + numbers.numbers
    }
}

extension [(String, Double?)] {
    /// Those that are known.
    fileprivate var numbers: [(String, Cell)] {
        self.compactMap { name, number in number.map { (name, .number($0)) } }
    }
}

extension Cell {
    /// Cores, or processes that want one.
    fileprivate static func cores(_ cores: Double?) -> Cell {
        guard let cores, cores.isFinite else { return .text("") }
        return .text(cores.decimals(2))
    }

    /// In the unit that leaves few digits: `512B`, `1.5K`, `64M`, `3.2G`.
    static func bytes(_ bytes: UInt64?) -> Cell {
        guard let bytes else { return .text("") }
        let units = ["B", "K", "M", "G", "T", "P", "E"]
        var (value, unit) = (Double(bytes), 0)
        // 1023.6 would be shown as 1024.
        while value >= 1023.5, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        return .text((unit == 0 || value >= 9.95 ? value.decimals(0) : value.decimals(1)) + units[unit])
    }
}

extension Double {
    /// So many digits behind the point, rounded.
    fileprivate func decimals(_ count: Int) -> String {
        var scale: Int64 = 1
        for _ in 0..<count { scale *= 10 }
        let scaled = Int64((min(self, 1e15) * Double(scale)).rounded())
        guard count > 0 else { return "\(scaled)" }
        let digits = String(scale + abs(scaled) % scale).dropFirst()
        return "\(scaled < 0 ? "-" : "")\(abs(scaled) / scale).\(digits)"
    }
}
