#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// What an agent may offer of its machine, if nobody says otherwise.
public struct DetectedResources: Hashable, Sendable {
    /// cpus, mem, disk, ports 31000-32000, and the gpus that the agent keeps apart.
    public var resources: Resources
    /// How each amount came about, a line each, for the log.
    public var explanation: [String]
}

/// Looks at the machine, and at the bounds that this process itself is under (an agent in a container).
public enum ResourceDetection {
    /// What is left to the agent, its supervisors and the rest of the machine: 1 GB of memory, or half of less than
    /// 2 GB.
    ///
    /// As in Mesos.
    static let reservedMemory: Int64 = 1 << 30
    /// Left to whatever else writes to the disk: 5 GB, or half of less than 10 GB.
    ///
    /// As in Mesos.
    static let reservedDisk: Int64 = 5 << 30
    /// Above those that the kernel and services take by themselves, as in Mesos.
    static let ports: ClosedRange<UInt64> = 31_000...32_000

    /// Measures now.
    ///
    /// - Parameters:
    ///   - directory: The agent's work directory, whose disk counts.
    ///   - gpus: How many devices the module `gpu` has; 0 without it, since nobody is kept from them then.
    public static func detect(directory: String, gpus: Int = 0) -> DetectedResources {
        let cpus = Self.cpus(), memory = Self.memory(), disk = Self.disk(directory)
        var resources = Resources(
            milliCPU: cpus.milli, milliMB: Self.milliMB(memory.bytes), milliMBDisk: Self.milliMB(disk.bytes),
            milliGPU: Int64(gpus) * 1000)
        // Nothing else has that name yet.
        try? resources.add(.ranges(IntegerRanges([Self.ports])), named: "ports")
        let explanation = [
            cpus.reason, memory.reason, disk.reason,
            "ports: \(Self.ports.lowerBound)-\(Self.ports.upperBound), as nobody said otherwise",
            gpus > 0 ? "gpus: \(gpus), the devices that are kept apart" : "gpus: none, as nobody said otherwise",
        ]
        return DetectedResources(resources: resources, explanation: explanation)
    }

    private static func milliMB(_ bytes: Int64) -> Int64 { min(bytes >> 20, Resources.scalarLimit / 1000) * 1000 }

    private static func cpus() -> (milli: Int64, reason: String) {
        let usable = Self.usableProcessors()
        let milli = Int64(usable) * 1000
        guard let quota = Self.ownBounds("cpu", Self.cpuQuota).min(), quota < milli else {
            return (milli, "cpus: \(usable), the processors this process may run on")
        }
        return (max(quota, 1), "cpus: \(Double(quota) / 1000), the quota of this process's own control group")
    }

    private static func usableProcessors() -> Int {
        let online = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let allowed = (Files.text("/proc/self/status") ?? "").split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed_list:") }.map {
                ProcessorList.numbers(in: $0.dropFirst("Cpus_allowed_list:".count)).count
            }
        return min(online, max(1, allowed ?? online))
    }

    /// Thousandths of a core; nil if there is no quota.
    private static func cpuQuota(_ directory: String, _ version: Int) -> Int64? {
        let numbers: [Int64]
        if version == 2 {
            numbers = (Files.text(directory + "/cpu.max") ?? "").split(whereSeparator: \.isWhitespace).compactMap {
                Int64($0)
            }
        } else {
            numbers = ["/cpu.cfs_quota_us", "/cpu.cfs_period_us"].compactMap { name in
                Files.text(directory + name).flatMap { Int64($0.trimmed) }
            }
        }
        guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0 else { return nil }
        return numbers[0] * 1000 / numbers[1]
    }

    private static func memory() -> (bytes: Int64, reason: String) {
        let kilobytes = (Files.text("/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
            .flatMap { Int64($0.filter(\.isNumber)) }
        var total = (kilobytes ?? 0) << 10, origin = "the machine's"
        let bounds = Self.ownBounds("memory") { directory, version in
            Files.text(directory + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes")).flatMap {
                Int64($0.trimmed)
            }
        }
        if let bound = bounds.min(), bound < total { (total, origin) = (bound, "its own control group's") }
        let (rest, reserve) = Self.without(Self.reservedMemory, total)
        return (rest, "mem: \(rest >> 20) MB, \(origin) \(total >> 20) less \(reserve >> 20) for everything else")
    }

    private static func disk(_ directory: String) -> (bytes: Int64, reason: String) {
        var about = statvfs()
        guard statvfs(directory, &about) == 0 else { return (0, "disk: none, as \(directory) cannot be looked at") }
        let total = Int64(clamping: UInt64(about.f_blocks) * UInt64(about.f_frsize))
        let (rest, reserve) = Self.without(Self.reservedDisk, total)
        return (
            rest, "disk: \(rest >> 20) MB, the \(total >> 20) of \(directory) less \(reserve >> 20) for everything else"
        )
    }

    /// Takes a reserve off, but never more than half.
    private static func without(_ reserve: Int64, _ total: Int64) -> (rest: Int64, reserve: Int64) {
        let taken = min(reserve, total / 2)
        return (total - taken, taken)
    }

    /// What bounds this process in a controller: in its own control group and all above it.
    private static func ownBounds(_ controller: String, _ read: (String, Int) -> Int64?) -> [Int64] {
        guard let hierarchy = CgroupHost.detect().hierarchy(of: controller),
            let path = Self.ownPath(hierarchy, Files.text("/proc/self/cgroup") ?? "")
        else { return [] }
        var directory = hierarchy.mount, bounds = [read(directory, hierarchy.version)]
        for part in path.split(separator: "/") {
            directory += "/" + part
            bounds.append(read(directory, hierarchy.version))
        }
        return bounds.compactMap { $0 }
    }

    /// The path of this process's group, from the lines `number:controllers:path` of `/proc/self/cgroup`.
    static func ownPath(_ hierarchy: CgroupHierarchy, _ text: String) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = Set(parts[1].split(separator: ",").map(String.init))
            let isMeant =
                hierarchy.version == 2 ? parts[1].isEmpty : !controllers.isDisjoint(with: hierarchy.controllers)
            if isMeant { return String(parts[2]) }
        }
        return nil
    }
}
