import Model

// Where relays and masters are: passed on to all agents, in turns and after a while, because it changes several times
// whenever a master or a relay comes or goes, and no agent needs it before it looks for another relay.

/// Where relays and masters are, and how far agents have been told.
struct Directory {
    private(set) var relays: [String] = []
    private(set) var masters: [String] = []
    /// Names what is known now; agents are stamped with what they were told.
    ///
    /// 0: nothing is known.
    private(set) var version: UInt64 = 0
    private var lastVersion: UInt64 = 0
    /// What agents were told last, and the name of that: a directory that is as before is no news.
    private var spread: (relays: [String], masters: [String], version: UInt64) = ([], [], 0)
    /// The next agent to be told; nil: they are not being told at present.
    fileprivate var cursor: UInt32?
    fileprivate var isTimerSet = false

    /// True if that is another than before.
    mutating func learn(relays: [String], masters: [String]) -> Bool {
        guard relays != self.relays || masters != self.masters else { return false }
        self.relays = relays
        self.masters = masters
        if relays == self.spread.relays, masters == self.spread.masters {
            self.version = self.spread.version
        } else {
            self.lastVersion += 1
            self.version = self.lastVersion
        }
        return true
    }

    /// Agents are told what is known now, from the first on.
    fileprivate mutating func beginSpreading() {
        self.spread = (self.relays, self.masters, self.version)
        self.cursor = 0
    }
}

extension RelayState {
    /// Where relays and masters are, from now on.
    ///
    /// Agents are told later; those that register meanwhile at once.
    mutating func updateDirectory(
        relays: [String], masters: [String], at now: Instant, into effects: inout [Effect]
    ) {
        guard self.directory.learn(relays: relays, masters: masters), !self.agents.isEmpty else { return }
        if self.directory.isTimerSet, self.directory.cursor == nil { return }
        // Those that are being told something older are told this instead, when it may have settled.
        self.directory.cursor = nil
        self.directory.isTimerSet = true
        effects.append(.setTimer(.directory, at: now + self.settings.directoryDelay))
    }

    /// Tells the next agents that have not been told yet.
    mutating func spreadDirectory(at now: Instant, into effects: inout [Effect]) {
        self.directory.isTimerSet = false
        if self.directory.cursor == nil { self.directory.beginSpreading() }
        guard var cursor = self.directory.cursor else { return }
        var left = self.settings.directoryPerTurn
        while cursor < self.agents.endIndex, left > 0 {
            if self.agents.contains(cursor), self.tellDirectory(to: cursor, into: &effects) { left -= 1 }
            cursor += 1
        }
        guard cursor < self.agents.endIndex else {
            self.directory.cursor = nil
            return
        }
        self.directory.cursor = cursor
        self.directory.isTimerSet = true
        effects.append(.setTimer(.directory, at: now + self.settings.directoryPause))
    }

    /// Tells an agent where relays and masters are, unless it knows.
    @discardableResult
    mutating func tellDirectory(to row: UInt32, into effects: inout [Effect]) -> Bool {
        guard self.agents[row].directory != self.directory.version else { return false }
        self.agents[row].directory = self.directory.version
        let news = RelayToAgent.directory(relays: self.directory.relays, masters: self.directory.masters)
        self.tell(row, news, into: &effects)
        return true
    }

    /// Asks an agent to use another relay, of which it is told first.
    mutating func goElsewhere(_ row: UInt32, because reason: String, into effects: inout [Effect]) {
        self.tellDirectory(to: row, into: &effects)
        self.tell(row, .goElsewhere(message: reason), into: &effects)
    }
}
