import Model

/// What a framework refused, by agent: the same or less of that agent is not offered to it in that role for a time.
struct FilterTable {
    /// One refusal.
    struct Filter {
        var role: String
        var resources: Resources
        var until: Instant
    }

    /// How many refusals of one agent in one role are kept; beyond, the one that ends first makes room.
    static let perAgent = 8

    private var filters: [Row: [Filter]] = [:]
    private(set) var count = 0
    private var nextSweep = 64

    /// Remembers a refusal.
    ///
    /// False if the table holds `limit` already and none has run out.
    mutating func insert(_ filter: Filter, agent: Row, at now: Instant, limit: Int) -> Bool {
        if self.count >= self.nextSweep || self.count >= limit { self.sweep(at: now) }
        var kept = (self.filters[agent] ?? []).filter {
            $0.until > now
                && !($0.role == filter.role && $0.until <= filter.until && filter.resources.contains($0.resources))
        }
        self.count -= (self.filters[agent]?.count ?? 0) - kept.count
        defer { self.filters[agent] = kept.isEmpty ? nil : kept }
        guard self.count < limit else { return false }
        let same = kept.indices.filter { kept[$0].role == filter.role }
        if same.count >= Self.perAgent, let first = same.min(by: { kept[$0].until < kept[$1].until }) {
            kept.remove(at: first)
            self.count -= 1
        }
        kept.append(filter)
        self.count += 1
        return true
    }

    /// Whether these resources of that agent are refused in that role.
    func blocks(_ resources: Resources, of agent: Row, role: String, at now: Instant) -> Bool {
        guard let kept = self.filters[agent] else { return false }
        return kept.contains { $0.until > now && $0.role == role && $0.resources.contains(resources) }
    }

    /// Forgets what was refused in these roles; none: in all.
    mutating func removeAll(roles: [String]) {
        if roles.isEmpty {
            self.filters = [:]
        } else {
            self.filters = self.filters.compactMapValues { kept in
                let rest = kept.filter { !roles.contains($0.role) }
                return rest.isEmpty ? nil : rest
            }
        }
        self.count = self.filters.values.reduce(0) { $0 + $1.count }
    }

    /// Forgets an agent.
    mutating func remove(agent: Row) {
        if let kept = self.filters.removeValue(forKey: agent) { self.count -= kept.count }
    }

    /// What holds at `now`, by agent and then in the order of refusal.
    func live(at now: Instant) -> [(agent: Row, filter: Filter)] {
        self.filters.keys.sorted().flatMap { agent in
            (self.filters[agent] ?? []).filter { $0.until > now }.map { (agent, $0) }
        }
    }

    /// Forgets what has run out.
    ///
    /// What it costs is paid by the insertions since the last time.
    private mutating func sweep(at now: Instant) {
        self.filters = self.filters.compactMapValues { kept in
            let live = kept.filter { $0.until > now }
            return live.isEmpty ? nil : live
        }
        self.count = self.filters.values.reduce(0) { $0 + $1.count }
        self.nextSweep = max(64, self.count * 2)
    }
}
