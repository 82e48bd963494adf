public import Model

/// What the containers of an agent use, as last looked at.
public struct UsageReport: Hashable, Sendable {
    /// One container.
    public struct Container: Hashable, Sendable {
        /// Its run.
        public var runID: RunID
        /// Whose it is.
        public var frameworkID: FrameworkID
        /// Nil for a command task.
        public var executorID: ExecutorID?
        /// Nil for an executor.
        public var taskID: TaskID?
        /// What it may use.
        public var resources: Resources
        /// How much it used; what nobody has looked at yet is nil.
        public var usage = ContainerUsage()
        /// Cores between the last two looks; nil before the second.
        public var cores: Double?

        init(_ spec: ContainerSpec) {
            self.runID = spec.runID
            self.frameworkID = spec.frameworkID
            self.executorID = spec.executorID
            self.taskID = spec.taskID
            self.resources = spec.resources
        }
    }

    /// In the order of their starts.
    public var containers: [Container]

    /// Of all containers together.
    public var cores: Double { self.containers.reduce(0) { $0 + ($1.cores ?? 0) } }
    /// Of all containers together.
    public var memoryBytes: UInt64 { self.containers.reduce(0) { $0 + ($1.usage.memoryBytes ?? 0) } }
    /// Of all containers together.
    public var diskBytes: UInt64 { self.containers.reduce(0) { $0 + ($1.usage.diskBytes ?? 0) } }
    /// Of all containers together.
    public var processes: UInt64 { self.containers.reduce(0) { $0 + ($1.usage.processes ?? 0) } }
}

/// How busy the machine is, as its kernel tells.
public struct NodePressure: Sendable {
    /// Processes that run or want to, on average over a minute.
    public var load: Double?
    /// Parts of the last ten seconds, 0 to 1, in which some process waited for it: `cpu`, `memory`, `io`.
    ///
    /// Those that the kernel counts.
    public var stalls: [(resource: String, share: Double)]
    /// Bytes.
    public var memoryTotal: UInt64?
    /// Bytes that could be had without swapping.
    public var memoryAvailable: UInt64?

    /// The resources that may be in `stalls`.
    public static let resources = ["cpu", "memory", "io"]

    /// What is so now.
    ///
    /// Reads a few files of the kernel's, and never waits.
    public static func read() -> NodePressure {
        let memory = Files.text("/proc/meminfo") ?? ""
        func bytes(_ key: String) -> UInt64? {
            for line in memory.split(separator: "\n") where line.hasPrefix(key) {
                return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 << 10 }
            }
            return nil
        }
        return NodePressure(
            load: Self.load(),
            stalls: Self.resources.compactMap { resource in Self.stall(resource).map { (resource, $0) } },
            memoryTotal: bytes("MemTotal:"), memoryAvailable: bytes("MemAvailable:"))
    }

    /// The first number of `/proc/loadavg`.
    public static func load() -> Double? {
        Files.text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
    }

    /// `some avg10=1.50 avg60=...`: 0.015.
    public static func stall(_ resource: String) -> Double? {
        Files.text("/proc/pressure/\(resource)").flatMap(Self.stall(in:))
    }

    static func stall(in text: String) -> Double? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("some ") }),
            let field = line.split(separator: " ").first(where: { $0.hasPrefix("avg10=") })
        else { return nil }
        return Double(field.dropFirst(6)).map { $0 / 100 }
    }

    init(
        load: Double?, stalls: [(resource: String, share: Double)], memoryTotal: UInt64?, memoryAvailable: UInt64?
    ) {
        self.load = load
        self.stalls = stalls
        self.memoryTotal = memoryTotal
        self.memoryAvailable = memoryAvailable
    }
}
