#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// One kind of limit or separation of containers, by one means of the kernel's.
///
/// A module knows which control groups it needs; `Isolator` makes them once for all modules, since several modules
/// share one directory where the hierarchy is unified.
protocol IsolationModule: Sendable {
    /// As the agent's log and `/readyz` call it.
    var name: String { get }

    /// The hierarchies in which each container has a directory for it.
    var hierarchies: [CgroupHierarchy] { get }

    /// Whether `apply` does anything.
    ///
    /// By default: whether there are directories to do it in.
    var setsLimits: Bool { get }

    /// Sets the limits of a container whose directories exist: before its start, and whenever its resources change.
    ///
    /// - Throws: What the kernel did not accept.
    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError)

    /// Whether `apply` would not have to wait in the kernel for anything, say for memory that is given back.
    ///
    /// By default: whether it does nothing.
    func isQuick(toApply resources: Resources, to run: CgroupRun) -> Bool

    /// Adds what the supervisor does between the fork and the program of a container, whose sandbox exists.
    ///
    /// - Throws: What keeps the container from being started so.
    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError)

    /// Makes the directories of a container that has ended as if they were new, but for what `apply` sets.
    ///
    /// - Returns: False if that cannot be, and they have to be removed.
    func reset(_ run: CgroupRun) -> Bool

    /// Why a container that has ended was ended by this module; nil if it was not.
    func limitation(of run: CgroupRun) -> Limitation?

    /// A container has ended, or was never started; its directories are about to be removed.
    func end(_ run: CgroupRun)

    /// An earlier life of the agent left these containers running; `apply` tells of each what it may use.
    func recover(_ runs: [CgroupRun])

    /// Adds what the container uses now, as far as this module knows.
    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage)

    /// Why a container that runs has to end at once; nil: it has not.
    ///
    /// Asked each time that its use was looked at, for what the kernel does not hold it to.
    func breach(of resources: Resources, by usage: ContainerUsage, in run: CgroupRun) -> Limitation?
}

extension IsolationModule {
    var setsLimits: Bool { !self.hierarchies.isEmpty }
    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {}
    func isQuick(toApply resources: Resources, to run: CgroupRun) -> Bool { !self.setsLimits }
    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {}
    func reset(_ run: CgroupRun) -> Bool { self.hierarchies.isEmpty }
    func limitation(of run: CgroupRun) -> Limitation? { nil }
    func end(_ run: CgroupRun) {}
    func recover(_ runs: [CgroupRun]) {}
    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {}
    func breach(of resources: Resources, by usage: ContainerUsage, in run: CgroupRun) -> Limitation? { nil }
}

/// A limit that ended a container.
struct Limitation: Hashable, Sendable {
    var cause: ContainerExit.Cause
    /// For people: which limit, and how large it was.
    var message: String
    /// What the container had used up, of that alone which ended it; empty if unknown.
    var used = Resources()
}

extension Resources {
    /// Bytes as `mem` and `disk` count them, in thousandths of a megabyte; a part of one counts as one.
    static func milliMB(_ bytes: UInt64) -> Int64 {
        // Clamped first: the product has to fit.
        let most = (UInt64(Self.scalarLimit) / 1000) << 20
        return Int64((min(bytes, most) * 1000 + (1 << 20) - 1) >> 20)
    }
}

/// What a container uses.
public struct ContainerUsage: Hashable, Sendable {
    /// Processor time since its start; nil where nothing counts it.
    public var cpuTime: Duration?
    /// Those that it has alone, as `1,3-5`; nil if it shares.
    public var processors: String?
    /// Bytes held now, file cache included; nil where nothing counts them.
    public var memoryBytes: UInt64?
    /// Bytes it may hold; nil if there is no limit.
    public var memoryLimitBytes: UInt64?
    /// The most bytes that it held; nil where the kernel does not tell.
    public var memoryPeakBytes: UInt64?
    /// Processes and threads; nil where nothing counts them.
    public var processes: UInt64?
    /// Bytes on disk of its sandbox when that was last looked through; nil before.
    public var diskBytes: UInt64?
    /// Bytes that its sandbox may have; nil if there is no limit.
    public var diskQuotaBytes: UInt64?
    /// What it had disks do since its start; nil where nothing counts it.
    public var io: IOCounts?

    /// Nothing known.
    public init() {}
}

/// What went from disks to a container and back.
public struct IOCounts: Hashable, Sendable {
    /// Bytes.
    public var readBytes: UInt64
    /// Bytes.
    public var writtenBytes: UInt64
    /// Requests.
    public var reads: UInt64
    /// Requests.
    public var writes: UInt64

    /// Counts; without any, nothing.
    public init(readBytes: UInt64 = 0, writtenBytes: UInt64 = 0, reads: UInt64 = 0, writes: UInt64 = 0) {
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
        self.reads = reads
        self.writes = writes
    }
}

/// What kept a container from being isolated as it should.
struct IsolationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// For people: what was tried, and what the system said.
    let description: String

    init(_ description: String) { self.description = description }

    init(_ action: String, errno code: Int32) {
        self.description = "\(action): \(String(errno: code))"
    }
}

/// The directories of one container, one for each hierarchy in use.
struct CgroupRun: Sendable {
    let runID: RunID
    /// By the mount point of the hierarchy.
    let directories: [String: String]
    /// Processor time that had been counted in them before it.
    var timeBefore = Duration.zero
    /// Those of their files that stay open, where they serve one container after the other.
    var files: CgroupFiles?

    func directory(in hierarchy: CgroupHierarchy) -> String? { self.directories[hierarchy.mount] }

    /// A control file that the kernel gives in one piece, which is looked at for each container; nil if it cannot be read.
    func value(_ path: String) -> String? {
        guard let files else { return Files.value(path) }
        return (try? files.descriptor(path, O_RDONLY)).flatMap { Files.value(of: $0) }
    }

    /// One write to a control file that is written for each container.
    func write(_ text: String, to path: String) throws(SystemError) {
        guard let files else { return try Files.write(text, to: path) }
        try Files.write(text, at: try files.descriptor(path, O_WRONLY), path)
    }

    /// Whether there are groups below its own.
    var hasChildren: Bool {
        // Two links of itself, and one of each directory in it.
        self.directories.values.contains { directory in
            guard let files else { return Files.linkCount(directory) != 2 }
            return (try? files.descriptor(directory, O_RDONLY | O_DIRECTORY)).flatMap { Files.linkCount($0) } != 2
        }
    }
}
