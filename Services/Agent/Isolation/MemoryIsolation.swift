#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// A bound on memory: a container that needs more is ended by the kernel, as a whole where it can do that.
struct MemoryIsolation: IsolationModule {
    let name = IsolationName.cgroupMemory.rawValue
    private let hierarchy: CgroupHierarchy

    /// What every container may use, whatever its resources say: below this a shell does not start reliably.
    ///
    /// As in Mesos.
    static let least: Int64 = 32 << 20

    /// Bytes of ended containers, for directories and files that the kernel remembers, with which a group may begin.
    private static let leftOver: Int64 = 1 << 20

    /// Whether version 1 bounds memory with swap, too.
    private let countsSwap: Bool

    init(_ hierarchy: CgroupHierarchy) {
        self.hierarchy = hierarchy
        self.countsSwap =
            hierarchy.version == 1 && access(hierarchy.mount + "/memory.memsw.limit_in_bytes", F_OK) == 0
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        let bytes = Self.bytes(resources)
        do throws(SystemError) {
            if self.hierarchy.version == 2 {
                try self.applyUnified(bytes, directory)
            } else {
                try self.applySeparate(bytes, run, directory)
            }
        } catch {
            throw IsolationError("cannot set the memory limit: \(error)")
        }
    }

    private static func bytes(_ resources: Resources) -> Int64 { max(resources.mem * (1 << 20) / 1000, Self.least) }

    /// Below a limit there is nothing to give back.
    func isQuick(toApply resources: Resources, to run: CgroupRun) -> Bool {
        let file = self.hierarchy.version == 2 ? "/memory.current" : "/memory.usage_in_bytes"
        guard let directory = run.directory(in: self.hierarchy),
            let held = run.value(directory + file).flatMap({ Int64($0.trimmed) })
        else { return false }
        return held <= Self.bytes(resources)
    }

    private func applyUnified(_ bytes: Int64, _ directory: String) throws(SystemError) {
        // A limit below what is held kills at once. A container that shrinks is given time to let go.
        let held = Self.heldBytes(directory)
        try Files.write("\(max(bytes, held))", to: directory + "/memory.max")
        // Both are missing on old kernels, or where swap is not counted.
        try? Files.write("0", to: directory + "/memory.swap.max")
        try? Files.write("1", to: directory + "/memory.oom.group")
    }

    /// Bytes that cannot be taken back by dropping file cache.
    private static func heldBytes(_ directory: String) -> Int64 {
        guard let text = Files.value(directory + "/memory.current"), let current = Int64(text.trimmed), current > 0,
            let stat = Files.text(directory + "/memory.stat")
        else { return 0 }
        let cache = Int64(stat.number(of: "inactive_file") ?? 0) + Int64(stat.number(of: "active_file") ?? 0)
        return max(0, current - cache)
    }

    private func applySeparate(_ bytes: Int64, _ run: CgroupRun, _ directory: String) throws(SystemError) {
        let limit = directory + "/memory.limit_in_bytes", withSwap = directory + "/memory.memsw.limit_in_bytes"
        do throws(SystemError) {
            try run.write("\(bytes)", to: limit)
        } catch {
            switch error.code {
            // A container that shrinks may still hold more.
            case EBUSY: return
            // Memory with swap may never be less than without: raised first, lowered last.
            case EINVAL where self.countsSwap:
                try run.write("\(bytes)", to: withSwap)
                return try run.write("\(bytes)", to: limit)
            default: throw error
            }
        }
        if self.countsSwap { try? run.write("\(bytes)", to: withSwap) }
    }

    func limitation(of run: CgroupRun) -> Limitation? {
        guard let directory = run.directory(in: self.hierarchy) else { return nil }
        let file = self.hierarchy.version == 2 ? "/memory.events" : "/memory.oom_control"
        guard let kills = Files.value(directory + file)?.number(of: "oom_kill"), kills > 0 else { return nil }
        var numbers: [String] = []
        let (limit, peak) = (self.limit(directory), self.peak(directory))
        if let limit { numbers.append("the limit is \(limit >> 20) MB") }
        if let peak { numbers.append("the peak was \(peak >> 20) MB") }
        let end = numbers.isEmpty ? "." : ": " + numbers.joined(separator: ", ") + "."
        // It stood at its limit where the kernel does not tell the peak.
        let used = (peak ?? limit).map { Resources(milliCPU: 0, milliMB: Resources.milliMB($0)) }
        return Limitation(
            cause: .memoryLimit, message: "The container needed more than its memory" + end, used: used ?? Resources())
    }

    /// Version 1 takes one process of a container that needs too much: what is left of it is no longer what was started.
    ///
    /// Version 2 takes all.
    func breach(of resources: Resources, by usage: ContainerUsage, in run: CgroupRun) -> Limitation? {
        self.hierarchy.version == 1 ? self.limitation(of: run) : nil
    }

    private func peak(_ directory: String) -> UInt64? {
        // Old kernels do not have that of version 2.
        let file = self.hierarchy.version == 2 ? "/memory.peak" : "/memory.max_usage_in_bytes"
        return Files.value(directory + file).flatMap { UInt64($0.trimmed) }
    }

    private func limit(_ directory: String) -> UInt64? {
        let file = self.hierarchy.version == 2 ? "/memory.max" : "/memory.limit_in_bytes"
        return Files.value(directory + file).flatMap { UInt64($0.trimmed) }
    }

    func reset(_ run: CgroupRun) -> Bool {
        // The count of what the kernel ended cannot be set back, and what is still charged would count for the next.
        guard self.hierarchy.version == 1, let directory = run.directory(in: self.hierarchy),
            let held = run.value(directory + "/memory.usage_in_bytes").flatMap({ Int64($0.trimmed) }),
            held <= Self.leftOver, run.value(directory + "/memory.oom_control")?.number(of: "oom_kill") == 0
        else { return false }
        return (try? run.write("0", to: directory + "/memory.max_usage_in_bytes")) != nil
    }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        let file = self.hierarchy.version == 2 ? "/memory.current" : "/memory.usage_in_bytes"
        usage.memoryBytes = Files.value(directory + file).flatMap { UInt64($0.trimmed) }
        usage.memoryLimitBytes = self.limit(directory)
        usage.memoryPeakBytes = self.peak(directory)
    }
}
