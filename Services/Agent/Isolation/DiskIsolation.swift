internal import Model

/// The `disk` of a container as the quota of its sandbox.
///
/// No file system is asked to hold it: the sandbox is looked through again and again (`UsageSampler`), and a container
/// that has more than it may is ended. A container without `disk` has no quota.
struct DiskIsolation: IsolationModule {
    let name = IsolationName.disk.rawValue

    var hierarchies: [CgroupHierarchy] { [] }

    func breach(of resources: Resources, by usage: ContainerUsage, in run: CgroupRun) -> Limitation? {
        guard let quota = Self.quota(of: resources), let used = usage.diskBytes, used > quota else { return nil }
        return Limitation(
            cause: .diskLimit,
            message: "The sandbox outgrew its disk: the limit is \(quota >> 20) MB, it had \(used >> 20) MB.",
            used: Resources(milliCPU: 0, milliMBDisk: Resources.milliMB(used)))
    }

    /// In bytes.
    static func quota(of resources: Resources) -> UInt64? {
        resources.disk > 0 ? UInt64(resources.disk) * (1 << 20) / 1000 : nil
    }
}
