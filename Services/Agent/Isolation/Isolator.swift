public import Model

/// Which isolation an agent wants.
public struct IsolationSettings: Hashable, Sendable {
    /// The modules to use.
    ///
    /// Default: control groups.
    public var choice = IsolationChoice.cgroups
    /// Whether a container is held to its `cpus` on an idle machine too.
    ///
    /// Default false: what others leave idle may be used, as in Mesos (`--cgroups_enable_cfs`).
    public var enforcesCPUQuota = false
    /// Processes and threads that one container may have; nil: no bound.
    ///
    /// Hundreds to tens of thousands. Default nil.
    public var pidsLimit: Int?
    /// What one container may read and write in a second, with `cgroup-io`; nil: no bound.
    ///
    /// Default nil.
    public var ioLimit: IOLimit?
    /// The agent's work directory: its disk is the one that `ioLimit` is about.
    public var directory: String?
    /// What the agent shares out: with `ports`, its ports are guarded; with `gpu`, there have to be as many devices.
    public var total = Resources()
    /// With `ports`: how often it is looked where a container listens, once a second at most.
    ///
    /// Seconds to minutes. A look costs some microseconds for each file that a container has open. Default 10 s; Mesos has
    /// 30 s (`--container_ports_watch_interval`).
    public var portsInterval: Duration = .seconds(10)
    /// With `ports`: whether a container may listen on none but its own ports, instead of none of those shared out.
    ///
    /// Default false: many programs listen where the kernel lets them.
    public var guardsAllPorts = false
    /// With `gpu`: those that are given away.
    ///
    /// Default none.
    public var gpuDevices: [GPUDevice] = []
    /// With `capabilities`: what tasks may ask for, bit n for capability n.
    ///
    /// Of it they have the usual ones without asking. Default: these.
    public var allowedCapabilities = Capabilities.usual
    /// Control groups without a container that are kept for the next, where they can serve twice.
    ///
    /// As many as end and start at a time, not as many as run; each holds some 100 KB of the kernel's memory. Default 128.
    public var spareGroups = 128

    /// The defaults.
    public init() {}
}

/// The isolation modules that work on this machine, and the control groups they share.
public struct Isolator: Sendable {
    /// In the order in which they are applied.
    let modules: [any IsolationModule]
    /// What was wanted and cannot be had, for the log.
    public let refused: [String]
    /// What was asked for by its own name and cannot be had, with the reason: the agent must not start.
    public let missing: [String]
    let tree: CgroupTree
    private let tracking: CgroupHierarchy?
    /// Nil where each container has groups of its own.
    private let pool: CgroupPool?

    /// Finds out what works, and makes the agent's own control groups.
    ///
    /// - Parameters:
    ///   - agent: What tells this agent from others on the machine, from `agentToken`; becomes a directory's name.
    ///   - host: The machine's control groups.
    ///   - remark: Told, from any thread, what an operator should know of what happens later.
    public init(
        agent: String, settings: IsolationSettings = .init(), host: CgroupHost = .detect(),
        remark: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        var wanted: [CgroupHierarchy] = []
        let controllers = IsolationName.allCases.filter {
            settings.choice.contains($0) && ($0 != .cgroupPids || settings.pidsLimit != nil)
        }.compactMap(\.controller)
        let needsGroups =
            !controllers.isEmpty || settings.choice.modules.contains { $0.needsTracking && host.tracking != nil }
        if needsGroups {
            for hierarchy in controllers.compactMap({ host.hierarchy(of: $0) }) + [host.tracking].compactMap({ $0 })
            where !wanted.contains(where: { $0.mount == hierarchy.mount }) {
                let used =
                    hierarchy.version == 2 ? hierarchy.controllers.intersection(controllers) : hierarchy.controllers
                wanted.append(CgroupHierarchy(mount: hierarchy.mount, version: hierarchy.version, controllers: used))
            }
        }
        let (tree, refused) = CgroupTree.make(
            wanted, supervisorMounts: needsGroups ? host.separateMounts : [],
            agent: Self.directoryName(agent))
        let tracking = tree.hierarchies.first { $0.mount == host.tracking?.mount }
        let context = IsolationRegistry.Context(
            settings: settings, tracking: tracking,
            granted: { controller in tree.hierarchies.first { $0.controllers.contains(controller) } },
            group: tree.base, remark: remark)
        var modules: [any IsolationModule] = [], missing: [String] = []
        for name in IsolationName.allCases where settings.choice.contains(name) {
            do throws(IsolationError) {
                if let module = try IsolationRegistry.make(name, context) { modules.append(module) }
            } catch {
                // What a shorthand stands for is left out; for control groups `refused` says why already.
                if settings.choice.required.contains(name) { missing.append("\(name.rawValue): \(error)") }
            }
        }
        self.modules = modules
        self.refused = refused
        self.missing = missing
        self.tree = tree
        self.tracking = tracking
        self.pool = CgroupPool(tree, tracking: tracking, spareLimit: settings.spareGroups)
    }

    /// As `/readyz` and the log name it: `process, tracked; cgroup-cpu; cgroup-memory`.
    public var summary: String { self.modules.map { $0.name }.joined(separator: "; ") }

    /// The directories of a container.
    func directories(of run: RunID) -> CgroupRun {
        self.pool?.directories(of: run) ?? self.tree.directories(of: run)
    }

    /// Makes and limits the control groups of a container.
    ///
    /// - Returns: Those that its processes join, and the one that they are found by.
    func prepare(_ run: RunID, _ resources: Resources) throws(IsolationError) -> (cgroups: [String], tracking: String?)
    {
        var directories = try self.makeDirectories(of: run)
        do throws(IsolationError) {
            for module in self.modules { try module.apply(resources, to: directories.groups) }
        } catch {
            // Somebody has been at them since they last served.
            guard directories.isUsed else { throw error }
            if self.tree.removeDirectories(of: directories.groups) { self.pool?.discard(run) }
            directories = try self.makeDirectories(of: run)
            for module in self.modules { try module.apply(resources, to: directories.groups) }
        }
        return (
            self.tree.hierarchies.compactMap { directories.groups.directory(in: $0) },
            self.tracking.flatMap { directories.groups.directory(in: $0) }
        )
    }

    private func makeDirectories(of run: RunID) throws(IsolationError) -> (groups: CgroupRun, isUsed: Bool) {
        do throws(SystemError) {
            if let pool = self.pool { return try pool.claim(for: run) }
            let groups = self.tree.directories(of: run)
            try self.tree.makeDirectories(of: groups)
            return (groups, false)
        } catch {
            throw IsolationError("cannot make a control group: \(error)")
        }
    }

    /// The control groups that the processes of a container joined.
    func existingGroups(of run: RunID) -> [String] {
        let directories = self.directories(of: run)
        return self.tree.hierarchies.compactMap { directories.directory(in: $0) }
    }

    /// Adds what the modules want of the supervisor.
    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        let linux = spec.container?.linux
        if linux?.effectiveCapabilities != nil || linux?.boundingCapabilities != nil,
            !self.modules.contains(where: { $0 is CapabilitiesIsolation })
        {
            throw IsolationError(
                "It says which capabilities it has, and this agent leaves all to root: start that with --isolation "
                    + "capabilities beside its other modules.")
        }
        for module in self.modules { try module.add(to: &start, for: spec) }
    }

    /// Whether a container has limits that `update` changes.
    var setsLimits: Bool { self.modules.contains { $0.setsLimits } }

    /// Sets the limits of a container that runs.
    func update(_ run: RunID, _ resources: Resources) throws(IsolationError) {
        let directories = self.directories(of: run)
        for module in self.modules { try module.apply(resources, to: directories) }
    }

    /// Whether `update` would not have to wait for anything.
    func isQuick(toUpdate run: RunID, _ resources: Resources) -> Bool {
        let directories = self.directories(of: run)
        return self.modules.allSatisfy { $0.isQuick(toApply: resources, to: directories) }
    }

    /// What a container uses now.
    public func usage(of run: RunID) -> ContainerUsage {
        var usage = ContainerUsage()
        let directories = self.directories(of: run)
        for module in self.modules { module.addUsage(of: directories, to: &usage) }
        return usage
    }

    /// Which limit a container has broken that the kernel does not hold it to, if one.
    func breach(of resources: Resources, by usage: ContainerUsage, in run: RunID) -> Limitation? {
        let directories = self.directories(of: run)
        for module in self.modules {
            if let limitation = module.breach(of: resources, by: usage, in: directories) { return limitation }
        }
        return nil
    }

    /// Which limit ended a container, if one did.
    func limitation(of run: RunID) -> Limitation? {
        let directories = self.directories(of: run)
        for module in self.modules {
            if let limitation = module.limitation(of: directories) { return limitation }
        }
        return nil
    }

    /// Removes the control groups of a container that has ended, or keeps them for the next; whether none is left of it.
    func cleanUp(_ run: RunID) -> Bool {
        let pooled = self.pool?.directories(of: run)
        let directories = pooled ?? self.tree.directories(of: run)
        for module in self.modules { module.end(directories) }
        if let pool = self.pool, pooled != nil, !directories.hasChildren,
            self.modules.allSatisfy({ $0.reset(directories) }), pool.release(run)
        {
            return true
        }
        guard self.tree.removeDirectories(of: directories) else { return false }
        self.pool?.discard(run)
        return true
    }

    /// Takes over the containers that an earlier life of the agent left.
    ///
    /// - Parameter live: Those that run.
    func recover(_ live: Set<RunID>) {
        self.removeStrays(except: live)
        let runs = live.sorted().map(self.directories)
        for module in self.modules { module.recover(runs) }
    }

    /// Kills what is left in control groups of this agent that belong to no run it knows, and removes them.
    func removeStrays(except live: Set<RunID>) {
        for run in self.tree.existingRuns() + (self.pool?.runs ?? []) where !live.contains(run) {
            if self.tree.killAndRemove(self.directories(of: run)) { self.pool?.discard(run) }
        }
    }

    /// Removes the agent's own control groups, if nothing is left in them.
    public func removeAll() {
        self.pool?.drain()
        self.tree.removeAll()
    }

    /// The groups that supervisors live in, one in each tree: outside the agent's own, so that whoever ends the agent
    /// with all of its group, a service manager or a container's, leaves them and their tasks.
    func supervisorGroups() -> [String] {
        guard self.tracking != nil else { return [] }
        return self.tree.makeSupervisorGroups()
    }

    /// A name for an agent's control groups that no other agent of the machine has and that outlives its restarts:
    /// agents may have the same name, but not the same directory.
    public static func agentToken(name: String, directory: String) -> String {
        "\(name)-\(Files.identity(of: directory))"
    }

    private static func directoryName(_ agent: String) -> String {
        let name = String(agent.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) ? $0 : "-" })
        return name.isEmpty ? "agent" : name
    }
}
