// A registration grows with what its agent runs, and a frame has a largest size: so it travels in pieces.
//
// The first piece says what the agent is and begins the lists; those that follow, under the same attachment, continue
// the lists and say nothing else. Nothing is done about a registration before its last piece is there.

extension AgentRegistration {
    /// What a piece holds at most, unless it holds a single entry: 1 MiB, well below what a frame may hold.
    public static let pieceBytes = 1 << 20

    /// What the lists of one registration may hold together: 256 MiB, some 800,000 tasks.
    ///
    /// More ends the connection on which it comes.
    public static let largestBytes = 256 << 20

    /// The registration in pieces, in the order in which they are to be sent; itself if it is short.
    public func pieces(of bytes: Int = Self.pieceBytes) -> [AgentRegistration] {
        var packer = Packer(room: bytes, piece: self.withoutLists)
        for framework in self.frameworks { packer.add(framework, of: framework.approximateBytes, to: \.frameworks) }
        for executor in self.executors { packer.add(executor, of: executor.approximateBytes, to: \.executors) }
        for task in self.tasks { packer.add(task, of: task.approximateBytes, to: \.tasks) }
        return packer.pieces
    }

    /// Adds the next piece of this registration, which was continued.
    public mutating func append(_ piece: AgentRegistration) {
        precondition(self.isContinued && piece.attachment == self.attachment, "\(piece.attachment) does not continue")
        self.tasks += piece.tasks
        self.executors += piece.executors
        self.frameworks += piece.frameworks
        self.isContinued = piece.isContinued
    }

    /// Roughly what its lists take on the wire.
    ///
    /// - Complexity: O(entries).
    public var approximateBytes: Int {
        self.tasks.reduce(0) { $0 + $1.approximateBytes } + self.executors.reduce(0) { $0 + $1.approximateBytes }
            + self.frameworks.reduce(0) { $0 + $1.approximateBytes }
    }

    private var withoutLists: AgentRegistration {
        var head = self
        (head.tasks, head.executors, head.frameworks) = ([], [], [])
        return head
    }

    private struct Packer {
        let room: Int
        var piece: AgentRegistration
        var used = 0
        var full: [AgentRegistration] = []

        init(room: Int, piece: AgentRegistration) {
            self.room = room
            self.piece = piece
        }

        var pieces: [AgentRegistration] { self.full + [self.piece] }

        mutating func add<Entry>(
            _ entry: Entry, of bytes: Int, to list: WritableKeyPath<AgentRegistration, [Entry]>
        ) {
            if self.used > 0, self.used + bytes > self.room {
                self.piece.isContinued = true
                self.full.append(self.piece)
                self.piece = AgentRegistration(attachment: self.piece.attachment, hostname: "", total: .init())
                self.used = 0
            }
            self.piece[keyPath: list].append(entry)
            self.used += bytes
        }
    }
}

extension TaskRecord {
    /// Roughly what it takes on the wire.
    public var approximateBytes: Int {
        let names = self.key.framework.rawValue.utf8.count + self.key.task.rawValue.utf8.count + self.name.utf8.count
        let executor = self.executorID?.rawValue.utf8.count ?? 0
        return 96 + names + executor + self.role.utf8.count + self.resources.approximateBytes + self.latestStatus.count
    }
}

extension ExecutorRecord {
    /// Roughly what it takes on the wire.
    public var approximateBytes: Int {
        let names = self.key.framework.rawValue.utf8.count + self.key.executor.rawValue.utf8.count
        return 64 + names + self.role.utf8.count + self.resources.approximateBytes + self.info.count
    }
}

extension FrameworkRecord {
    /// Roughly what it takes on the wire.
    public var approximateBytes: Int { 16 + self.id.rawValue.utf8.count + self.info.count }
}

extension LaunchOrder {
    /// Roughly what it takes on the wire.
    public var approximateBytes: Int {
        self.tasks.reduce(64 + self.frameworkInfo.count + self.groupExecutor.count) {
            $0 + 16 + $1.taskID.rawValue.utf8.count + $1.info.count
        }
    }
}

extension Resources {
    /// Roughly what it takes on the wire.
    fileprivate var approximateBytes: Int {
        self.others.reduce(32) { sum, other in
            switch other.value {
            case .scalar: sum + 16 + other.name.utf8.count
            case .ranges(let ranges): sum + 16 + other.name.utf8.count + ranges.ranges.count * 20
            case .set(let items): items.reduce(sum + 16 + other.name.utf8.count) { $0 + 2 + $1.utf8.count }
            }
        }
    }
}
