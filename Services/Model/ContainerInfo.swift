/// What a task or an executor says of its container: `meseta.v1.ContainerInfo`.
public struct ContainerInfo: Hashable, Sendable {
    /// Directories and files that its processes see beside those of their root.
    public var volumes: [Volume] = []
    /// As its processes see it; nil: the machine's.
    public var hostname: String?
    /// Where its root file system comes from; nil: it sees the machine's.
    public var image: LocalImage?
    /// What is asked of Linux in particular.
    public var linux: LinuxInfo = .init()
    /// Of each of its processes.
    public var limits: [ResourceLimit] = []
    /// A terminal is wanted; carried, none is attached.
    public var terminal: TerminalSize?
    /// What it asks for and no agent of this version does, in words; nil: nothing.
    public var unsupported: String?

    /// A root file system on the agent's disk: `meseta.v1.LocalImage`.
    public struct LocalImage: Hashable, Sendable {
        /// Absolute: a directory, a tar archive, or an OCI image layout.
        public var path: String
        /// Which image of an OCI image layout; nil: the only one.
        public var reference: String?

        /// An image.
        public init(path: String, reference: String? = nil) {
            self.path = path
            self.reference = reference
        }
    }

    /// A directory or file made visible: `meseta.v1.Volume`.
    public struct Volume: Hashable, Sendable {
        /// Where; relative: below the sandbox.
        public var containerPath: String
        /// What.
        public var source: Source
        /// Whether nothing can be written there.
        public var isReadOnly: Bool

        /// Where it comes from.
        public enum Source: Hashable, Sendable {
            /// An absolute path on the agent's machine.
            case host(String)
            /// Below the sandbox of the container; a directory is made if there is nothing.
            case sandbox(String)
        }

        /// A volume.
        public init(_ containerPath: String, _ source: Source, isReadOnly: Bool = false) {
            self.containerPath = containerPath
            self.source = source
            self.isReadOnly = isReadOnly
        }
    }

    /// What is asked of Linux in particular: `meseta.v1.LinuxInfo`.
    public struct LinuxInfo: Hashable, Sendable {
        /// What its processes start with, bit n for capability n of the kernel; nil: what the agent leaves.
        public var effectiveCapabilities: UInt64?
        /// What they can gain at most; nil: what the agent leaves.
        public var boundingCapabilities: UInt64?

        /// Nothing is asked.
        public init() {}
    }

    /// A limit of each process: `meseta.v1.RLimitInfo.RLimit`.
    public struct ResourceLimit: Hashable, Sendable {
        /// What is limited; raw values are those of the message.
        public enum Kind: Int32, Hashable, Sendable, CaseIterable {
            case addressSpace = 1
            case core = 2
            case cpu = 3
            case data = 4
            case fileSize = 5
            case locks = 6
            case lockedMemory = 7
            case messageQueues = 8
            case nice = 9
            case openFiles = 10
            case processes = 11
            case residentSet = 12
            case realTimePriority = 13
            case realTime = 14
            case pendingSignals = 15
            case stack = 16
        }

        /// What is limited.
        public var kind: Kind
        /// What holds; nil: no limit.
        public var soft: UInt64?
        /// What a process may raise it to; nil: no limit.
        public var hard: UInt64?

        /// A limit.
        public init(_ kind: Kind, soft: UInt64?, hard: UInt64?) {
            self.kind = kind
            self.soft = soft
            self.hard = hard
        }
    }

    /// How large a terminal is, in characters: `meseta.v1.TTYInfo`.
    public struct TerminalSize: Hashable, Sendable {
        /// Nil: it does not say.
        public var rows: UInt32?
        /// Nil: it does not say.
        public var columns: UInt32?

        /// A terminal.
        public init(rows: UInt32? = nil, columns: UInt32? = nil) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// Nothing is asked.
    public init() {}
}

extension ContainerInfo {
    /// Volumes that one container may have; each is a mount.
    public static let maximumVolumes = 256

    /// What is wrong with it; nil if an agent can be asked for it.
    ///
    /// What an agent's operator allows is known to the agent alone.
    public var problem: String? {
        if let unsupported { return unsupported }
        if let hostname, let problem = Self.problem(withHostname: hostname) { return problem }
        if let image {
            if !image.path.hasPrefix("/") { return "has an image whose path does not begin with '/'" }
            if let problem = Self.problem(withPath: image.path) { return "has an image whose path \(problem)" }
        }
        if self.volumes.count > Self.maximumVolumes {
            return "has \(self.volumes.count) volumes; the limit is \(Self.maximumVolumes)"
        }
        var seen: Set<String> = []
        for volume in self.volumes {
            if let problem = volume.problem { return problem }
            if !seen.insert(volume.containerPath).inserted { return "has two volumes at '\(volume.containerPath)'" }
        }
        return self.rightsProblem
    }

    private static func problem(withHostname name: String) -> String? {
        let isPlain = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        if isPlain, (1...64).contains(name.utf8.count) { return nil }
        return "has a hostname that is not 1 to 64 letters, digits, '-' and '.'"
    }

    /// What is wrong with a path, as the end of a sentence.
    fileprivate static func problem(withPath path: String) -> String? {
        if path.isEmpty { return "is empty" }
        if path.utf8.count > 4000 { return "is longer than 4000 bytes" }
        if path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "contains a control character" }
        return path.split(separator: "/").contains("..") ? "contains '..'" : nil
    }
}

extension ContainerInfo.Volume {
    /// Where nothing can be put: the agent mounts there what it takes to run a program.
    private static let reserved = ["proc", "dev", "sys"]

    /// What is wrong with it; nil if an agent can be asked for it.
    public var problem: String? {
        if let problem = ContainerInfo.problem(withPath: self.containerPath) {
            return "has a volume whose container path \(problem)"
        }
        let parts = self.containerPath.split(separator: "/").filter { $0 != "." }
        if parts.isEmpty { return "has a volume in place of everything: its container path is '/'" }
        if self.containerPath.hasPrefix("/"), Self.reserved.contains(String(parts[0])) {
            return "has a volume at '\(self.containerPath)'; /proc, /dev and /sys are the agent's to make"
        }
        switch self.source {
        case .host(let path):
            if let problem = ContainerInfo.problem(withPath: path) { return "has a volume whose host path \(problem)" }
            return path.hasPrefix("/") ? nil : "has a volume whose host path does not begin with '/'"
        case .sandbox(let path):
            if let problem = ContainerInfo.problem(withPath: path) {
                return "has a volume whose path in the sandbox \(problem)"
            }
            return path.hasPrefix("/") ? "has a volume whose path in the sandbox begins with '/'" : nil
        }
    }
}
