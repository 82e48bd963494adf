import Model

/// The roles that the policy names or somebody holds something in: what is decided about each, and what it holds.
///
/// A role holds what the roles below it hold, too: `eng` all that `eng/backend` does.
struct RoleTable {
    /// One role.
    struct Entry {
        let name: String
        /// The role that it is part of.
        let parent: Row?
        /// As decided; the defaults if the policy does not name it.
        var facts: RoleFacts
        /// The four scalars, of it and of all below it.
        var held: Resources = .init()
        /// Of that, what tasks hold that were ordered to end.
        var leaving: Resources = .init()
    }

    private(set) var entries: [Entry] = []
    private var rows: [String: Row] = [:]

    /// Takes over what is decided about roles; those not named have the defaults again.
    ///
    /// Gives back what changed, in the order of the table.
    mutating func decide(_ roles: [RoleFacts]) -> [RoleFacts] {
        var before: [Row: RoleFacts] = [:]
        for row in self.entries.indices {
            before[Row(row)] = self.entries[row].facts
            self.entries[row].facts = RoleFacts(role: self.entries[row].name)
        }
        for facts in roles { self.entries[Int(self.row(of: facts.role))].facts = facts }
        return self.entries.indices.compactMap { row in
            let facts = self.entries[row].facts
            return facts == before[Row(row)] ?? RoleFacts(role: facts.role) ? nil : facts
        }
    }

    /// Those that differ from the defaults.
    var decided: [RoleFacts] { self.entries.map(\.facts).filter { $0 != RoleFacts(role: $0.role) } }

    /// What somebody holds in a role from now on.
    mutating func hold(_ resources: Resources, in role: String) {
        var row: Row? = self.row(of: role)
        while let present = row {
            self.entries[Int(present)].held += resources
            row = self.entries[Int(present)].parent
        }
    }

    /// What is free again.
    mutating func release(_ resources: Resources, in role: String) {
        var row: Row? = self.row(of: role)
        while let present = row {
            self.entries[Int(present)].held -= resources
            row = self.entries[Int(present)].parent
        }
    }

    /// A task of a role was ordered to end; or is not among those any more.
    mutating func count(leaving resources: Resources, in role: String, isLeaving: Bool) {
        var row: Row? = self.row(of: role)
        while let present = row {
            if isLeaving {
                self.entries[Int(present)].leaving += resources
            } else {
                self.entries[Int(present)].leaving -= resources
            }
            row = self.entries[Int(present)].parent
        }
    }

    /// The role and those that it is part of, as far as they are known; itself first.
    func chain(_ role: String) -> [Entry] {
        guard let first = self.rows[role] else {
            // Nobody holds anything in it; what it is part of may be limited all the same.
            return RoleName.parent(of: role).map { self.chain($0) } ?? []
        }
        var chain: [Entry] = []
        var row: Row? = first
        while let present = row {
            chain.append(self.entries[Int(present)])
            row = self.entries[Int(present)].parent
        }
        return chain
    }

    /// What is decided about a role, and what it holds.
    func entry(_ role: String) -> Entry? { self.rows[role].map { self.entries[Int($0)] } }

    private mutating func row(of role: String) -> Row {
        if let row = self.rows[role] { return row }
        let parent = RoleName.parent(of: role).map { self.row(of: $0) }
        let row = Row(self.entries.count)
        self.entries.append(Entry(name: role, parent: parent, facts: RoleFacts(role: role)))
        self.rows[role] = row
        return row
    }
}
