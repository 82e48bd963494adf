internal import Model

/// What every container has: a session and a process group of its own, made by the supervisor, which also finds what
/// left them; and the limits of each process that its task asks for.
///
/// With a control group to track them, all processes of a container are found and killed by the kernel. Without one,
/// the supervisor knows them by their descent and by a mark in their environment.
struct ProcessIsolation: IsolationModule {
    let name: String
    /// Where processes are tracked; nil if they cannot be.
    let tracking: CgroupHierarchy?

    init(tracking: CgroupHierarchy?) {
        self.tracking = tracking
        self.name = tracking == nil ? "process" : "process, tracked"
    }

    var hierarchies: [CgroupHierarchy] { self.tracking.map { [$0] } ?? [] }
    /// Its control groups only tell whose a process is.
    var setsLimits: Bool { false }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        guard let wanted = spec.container?.limits, !wanted.isEmpty else { return }
        start.limits = try ProcessLimits.limits(wanted, own: Files.text("/proc/self/limits") ?? "")
    }

    func reset(_ run: CgroupRun) -> Bool { true }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        // A group of version 2 counts time even where it has no controllers.
        guard let tracking, tracking.version == 2, let directory = run.directory(in: tracking) else { return }
        if let time = Files.value(directory + "/cpu.stat")?.number(of: "usage_usec") {
            usage.cpuTime = .microseconds(Int64(time)) - run.timeBefore
        }
        // And lists what is in it; of a great many, the first.
        let threads = Files.text(directory + "/cgroup.threads", limit: 1 << 16) ?? ""
        usage.processes = UInt64(threads.utf8.count { $0 == UInt8(ascii: "\n") })
    }
}
