internal import Model

/// Processor time by share, and if wanted by quota.
///
/// Shares let a container use what others leave idle; under load each gets in proportion to its `cpus`. A quota also
/// holds it to its `cpus` on an idle machine: steadier, and wasteful.
struct CPUIsolation: IsolationModule {
    let name = IsolationName.cgroupCPU.rawValue
    private let hierarchy: CgroupHierarchy
    private let isQuotaEnforced: Bool

    /// The shares of one core, in version 1.
    ///
    /// The kernel's default for a group.
    private static let sharesPerCore: Int64 = 1024
    /// The weight of one core, in version 2.
    ///
    /// The kernel's default for a group; 10,000 is its largest.
    private static let weightPerCore: Int64 = 100
    /// How often a quota is granted anew, in microseconds.
    ///
    /// The kernel's default.
    private static let quotaPeriod: Int64 = 100_000

    init(_ hierarchy: CgroupHierarchy, isQuotaEnforced: Bool) {
        self.hierarchy = hierarchy
        self.isQuotaEnforced = isQuotaEnforced
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        let milliCPU = resources.cpus
        // The kernel takes no quota below a millisecond.
        let quota = max(milliCPU * Self.quotaPeriod / 1000, 1000)
        do throws(SystemError) {
            if self.hierarchy.version == 2 {
                let weight = min(max(milliCPU * Self.weightPerCore / 1000, 1), 10_000)
                try Files.write("\(weight)", to: directory + "/cpu.weight")
                if self.isQuotaEnforced { try Files.write("\(quota) \(Self.quotaPeriod)", to: directory + "/cpu.max") }
            } else {
                let shares = min(max(milliCPU * Self.sharesPerCore / 1000, 2), 262_144)
                try run.write("\(shares)", to: directory + "/cpu.shares")
                guard self.isQuotaEnforced else { return }
                try run.write("\(Self.quotaPeriod)", to: directory + "/cpu.cfs_period_us")
                try run.write("\(quota)", to: directory + "/cpu.cfs_quota_us")
            }
        } catch {
            throw IsolationError("cannot set the cpu share: \(error)")
        }
    }

    func isQuick(toApply resources: Resources, to run: CgroupRun) -> Bool { true }

    func reset(_ run: CgroupRun) -> Bool {
        guard self.hierarchy.controllers.contains("cpuacct"), let directory = run.directory(in: self.hierarchy) else {
            return true
        }
        return (try? run.write("0", to: directory + "/cpuacct.usage")) != nil
    }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        guard self.hierarchy.version == 1, let directory = run.directory(in: self.hierarchy),
            let text = Files.value(directory + "/cpuacct.usage"), let time = Int64(text.trimmed)
        else { return }
        usage.cpuTime = .nanoseconds(time)
    }
}

extension String {
    /// Without white space at its end.
    var trimmed: Substring {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// The number behind `key` in lines of `key number`.
    func number(of key: String) -> UInt64? {
        let key = key.utf8
        var rest = self.utf8[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            if line.starts(with: key), line.dropFirst(key.count).first == UInt8(ascii: " ") {
                return UInt64(Substring(line.dropFirst(key.count + 1)))
            }
            rest = rest[line.endIndex...].dropFirst()
        }
        return nil
    }
}
