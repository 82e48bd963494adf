#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// The control groups of one agent: `meseta/<agent>/<run>` in each hierarchy that a module uses.
///
/// Only what was made here is ever removed, and only by `rmdir`, which the kernel refuses while a process is inside.
struct CgroupTree: Sendable {
    /// The common parent of all agents' groups on a machine.
    static let parent = "meseta"
    /// The group, beside the runs, that supervisors live in.
    static let supervisors = "supervisors"

    let hierarchies: [CgroupHierarchy]
    /// Where there are groups for the supervisors alone.
    let supervisorMounts: [String]
    /// The agent's own directory name.
    let agent: String

    /// Makes the agent's directory in each hierarchy and hands controllers of version 2 down to it.
    ///
    /// - Parameters:
    ///   - wanted: The hierarchies for runs. Version 2: with the controllers that are wanted.
    ///   - supervisorMounts: Where supervisors have a group, too.
    /// - Returns: The tree with what was granted, and for people what was not.
    static func make(
        _ wanted: [CgroupHierarchy], supervisorMounts: [String] = [], agent: String
    ) -> (tree: CgroupTree, refused: [String]) {
        var granted: [CgroupHierarchy] = [], refused: [String] = []
        for hierarchy in wanted {
            let parent = "\(hierarchy.mount)/\(Self.parent)", own = "\(parent)/\(agent)"
            do throws(SystemError) {
                try Self.makeDirectories(parent, own)
                try Self.giveProcessors(hierarchy.mount, to: [parent, own])
            } catch {
                refused.append("\(error)")
                continue
            }
            guard hierarchy.version == 2 else {
                granted.append(hierarchy)
                continue
            }
            var controllers: Set<String> = []
            for controller in hierarchy.controllers.sorted() {
                do throws(SystemError) {
                    for directory in [hierarchy.mount, parent, own] {
                        try Files.write("+\(controller)", to: directory + "/cgroup.subtree_control")
                    }
                    controllers.insert(controller)
                } catch {
                    refused.append("\(error)")
                }
            }
            granted.append(CgroupHierarchy(mount: hierarchy.mount, version: 2, controllers: controllers))
        }
        return (CgroupTree(hierarchies: granted, supervisorMounts: supervisorMounts, agent: agent), refused)
    }

    /// Another agent that ends may remove the common parent in between.
    private static func makeDirectories(_ parent: String, _ own: String) throws(SystemError) {
        for _ in 0..<10 {
            try Files.makeDirectory(parent)
            do throws(SystemError) {
                try Files.makeDirectory(own)
                return
            } catch {
                if error.code != ENOENT { throw error }
            }
        }
        try Files.makeDirectory(own)
    }

    func base(_ hierarchy: CgroupHierarchy) -> String { "\(hierarchy.mount)/\(Self.parent)/\(self.agent)" }

    /// Makes a group for supervisors in each hierarchy that there is; those where it cannot be made are left out.
    func makeSupervisorGroups() -> [String] {
        let mounts = Set(self.hierarchies.map(\.mount) + self.supervisorMounts).sorted()
        return mounts.compactMap { mount in
            let parent = "\(mount)/\(Self.parent)", own = "\(parent)/\(self.agent)"
            let group = "\(own)/\(Self.supervisors)"
            do throws(SystemError) {
                try Self.makeDirectories(parent, own)
                try Files.makeDirectory(group)
                try Self.giveProcessors(mount, to: [parent, own], supervisors: group)
                return group
            } catch {
                return nil
            }
        }
    }

    /// Nobody may join a group of the `cpuset` tree before it has processors and memory: the agent's own for that of
    /// supervisors.
    private static func giveProcessors(
        _ mount: String, to parents: [String], supervisors group: String? = nil
    ) throws(SystemError) {
        for name in ["cpuset.cpus", "cpuset.mems"] {
            guard let all = Files.text("\(mount)/\(name)") else { return }
            for parent in parents { try Files.write(all, to: "\(parent)/\(name)") }
            guard let group else { continue }
            let tree = CgroupHierarchy(mount: mount, version: 1, controllers: ["cpuset"])
            let path = ResourceDetection.ownPath(tree, Files.text("/proc/self/cgroup") ?? "")
            let own = path.flatMap { Files.text("\(mount)\($0)/\(name)") }
            try Files.write(own ?? all, to: "\(group)/\(name)")
        }
    }

    /// Where the directories of a run are, whether they exist or not.
    ///
    /// - Parameters:
    ///   - name: Their own name; of those that serve one run alone, the run's.
    ///   - timeBefore: As in `CgroupRun`.
    func directories(named name: String? = nil, of run: RunID, timeBefore: Duration = .zero) -> CgroupRun {
        let pairs = self.hierarchies.map { ($0.mount, "\(self.base($0))/\(name ?? "\(run)")") }
        return CgroupRun(
            runID: run, directories: Dictionary(pairs, uniquingKeysWith: { first, _ in first }), timeBefore: timeBefore)
    }

    func makeDirectories(of run: CgroupRun) throws(SystemError) {
        for hierarchy in self.hierarchies {
            guard let directory = run.directory(in: hierarchy) else { continue }
            try Files.makeDirectory(directory)
        }
    }

    /// Removes the directories of a run whose processes are gone.
    ///
    /// - Returns: Whether they are all gone. A process that is not reaped yet holds them for a moment.
    func removeDirectories(of run: CgroupRun) -> Bool {
        var isGone = true
        for hierarchy in self.hierarchies {
            guard let directory = run.directory(in: hierarchy) else { continue }
            isGone = Self.remove(directory) && isGone
        }
        return isGone
    }

    /// Kills every process of a run that nobody watches, and removes its directories.
    ///
    /// Waits a second at most.
    ///
    /// - Returns: Whether they are all gone.
    func killAndRemove(_ run: CgroupRun) -> Bool {
        for _ in 0..<100 {
            for directory in run.directories.values where (try? Files.write("1", to: directory + "/cgroup.kill")) == nil
            {
                let listed = Files.text(directory + "/cgroup.procs") ?? ""
                for pid in listed.split(separator: "\n").compactMap({ pid_t($0) }) where pid > 1 { kill(pid, SIGKILL) }
            }
            if self.removeDirectories(of: run) { return true }
            usleep(10_000)
        }
        return false
    }

    /// The names below the agent's own directory, in any hierarchy.
    func existingNames() -> [String] {
        var names: Set<String> = []
        for hierarchy in self.hierarchies { names.formUnion(Files.names(in: self.base(hierarchy))) }
        return names.sorted()
    }

    /// The runs that have a directory of their own name in any hierarchy.
    func existingRuns() -> [RunID] { self.existingNames().compactMap { RunID($0) } }

    /// Removes the agent's own directories, and the common parent if no other agent uses it.
    func removeAll() {
        for mount in Set(self.hierarchies.map(\.mount) + self.supervisorMounts) {
            rmdir("\(mount)/\(Self.parent)/\(self.agent)/\(Self.supervisors)")
            rmdir("\(mount)/\(Self.parent)/\(self.agent)")
            rmdir("\(mount)/\(Self.parent)")
        }
    }

    /// A task that may do so can make groups below its own.
    private static func remove(_ directory: String) -> Bool {
        if rmdir(directory) == 0 || errno == ENOENT { return true }
        for name in Files.names(in: directory) where Files.isDirectory("\(directory)/\(name)") {
            _ = Self.remove("\(directory)/\(name)")
        }
        return rmdir(directory) == 0
    }
}
