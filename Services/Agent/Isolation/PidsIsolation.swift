internal import Model

/// A bound on the number of processes and threads, against fork bombs.
struct PidsIsolation: IsolationModule {
    let name = IsolationName.cgroupPids.rawValue
    private let hierarchy: CgroupHierarchy
    private let limit: Int

    init(_ hierarchy: CgroupHierarchy, limit: Int) {
        self.hierarchy = hierarchy
        self.limit = limit
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        do throws(SystemError) {
            try run.write("\(self.limit)", to: directory + "/pids.max")
        } catch {
            throw IsolationError("cannot limit the number of processes: \(error)")
        }
    }

    func isQuick(toApply resources: Resources, to run: CgroupRun) -> Bool { true }

    func reset(_ run: CgroupRun) -> Bool { true }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        usage.processes = Files.value(directory + "/pids.current").flatMap { UInt64($0.trimmed) }
    }
}
