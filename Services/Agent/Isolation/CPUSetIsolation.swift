internal import Model
internal import Synchronization

/// Processors of its own for a container that has whole `cpus`; the others share the rest.
///
/// `CPUPins` decides. What was decided is in the groups alone, where the next life of the agent finds it.
final class CPUSetIsolation: IsolationModule {
    let name = IsolationName.cgroupCPUSet.rawValue
    private let hierarchy: CgroupHierarchy
    /// Something that an operator should know.
    private let remark: @Sendable (String) -> Void
    private let state: Mutex<State>

    private struct State {
        var pins: CPUPins
        var groups: [RunID: Group] = [:]
        /// Those of which it was said that they have to share.
        var short: Set<RunID> = []
    }

    private struct Group {
        let directory: String
        /// What was written last.
        var list = ""
    }

    /// - Parameter group: The agent's own, below which those of containers are.
    /// - Throws: If it has no processors.
    init(
        _ hierarchy: CgroupHierarchy, group: String, remark: @escaping @Sendable (String) -> Void
    ) throws(IsolationError) {
        self.hierarchy = hierarchy
        self.remark = remark
        let file = hierarchy.version == 2 ? "cpuset.cpus.effective" : "cpuset.cpus"
        let allowed = (Files.text("/proc/self/status") ?? "").split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed_list:") }
        let own = ProcessorList.numbers(in: allowed?.split(separator: ":").last ?? "")
        let all = ProcessorList.numbers(in: Files.text("\(group)/\(file)") ?? "").intersection(own)
        guard !all.isEmpty else { throw IsolationError("\(group)/\(file) has no processor that this agent may use") }
        self.state = Mutex(State(pins: CPUPins(all)))
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        // A container from before this module was on has no group, and shares.
        guard let directory = run.directory(in: self.hierarchy), Files.isDirectory(directory) else { return }
        let failure = self.state.withLock { state -> SystemError? in
            state.groups[run.runID] = state.groups[run.runID] ?? Group(directory: directory)
            state.pins.set(run.runID, milliCPU: resources.cpus)
            self.tell(run.runID, &state)
            return self.write(&state)[run.runID]
        }
        if let failure { throw IsolationError("cannot set the processors: \(failure)") }
    }

    func end(_ run: CgroupRun) {
        self.state.withLock { state in
            guard state.groups.removeValue(forKey: run.runID) != nil else { return }
            state.short.remove(run.runID)
            state.pins.end(run.runID)
            _ = self.write(&state)
        }
    }

    func recover(_ runs: [CgroupRun]) {
        self.state.withLock { state in
            var lists: [RunID: Set<Int>] = [:]
            for run in runs {
                guard let directory = run.directory(in: self.hierarchy),
                    let text = Files.text(directory + "/cpuset.cpus")
                else { continue }
                let list = ProcessorList.numbers(in: text)
                lists[run.runID] = list
                state.groups[run.runID] = Group(directory: directory, list: ProcessorList.text(list))
            }
            state.pins.find(lists)
        }
    }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        usage.processors = self.state.withLock { $0.pins.owned(by: run.runID) }.map(ProcessorList.text)
    }

    private func tell(_ run: RunID, _ state: inout State) {
        let missing = state.pins.missing(run)
        if missing == 0 {
            state.short.remove(run)
        } else if state.short.insert(run).inserted {
            self.remark(
                "run \(run) has \(missing) cpus and no processor of its own: "
                    + "\(state.pins.shared.count) of \(state.pins.processors.count) are free, and one is left for all")
        }
    }

    /// Writes what has changed, those that share first: nobody is on a processor any more that another is given.
    private func write(_ state: inout State) -> [RunID: SystemError] {
        var failures: [RunID: SystemError] = [:]
        let owners = state.groups.keys.filter { state.pins.owned(by: $0) != nil }
        for run in state.groups.keys.filter({ !owners.contains($0) }) + owners {
            guard var group = state.groups[run] else { continue }
            let list = ProcessorList.text(state.pins.processors(of: run))
            guard list != group.list else { continue }
            do throws(SystemError) {
                if self.hierarchy.version == 1, group.list.isEmpty {
                    let memory = Files.text(group.directory + "/../cpuset.mems") ?? ""
                    try Files.write(memory, to: group.directory + "/cpuset.mems")
                }
                try Files.write(list, to: group.directory + "/cpuset.cpus")
                group.list = list
                state.groups[run] = group
            } catch {
                failures[run] = error
            }
        }
        return failures
    }
}
