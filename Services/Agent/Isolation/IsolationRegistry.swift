#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The isolation modules there are, in the order in which they are applied, whatever order they were named in.
public enum IsolationName: String, CaseIterable, Hashable, Sendable {
    case process
    case cgroupCPU = "cgroup-cpu"
    case cgroupCPUSet = "cgroup-cpuset"
    case cgroupMemory = "cgroup-memory"
    case cgroupPids = "cgroup-pids"
    case cgroupIO = "cgroup-io"
    case disk
    case ports
    case gpu
    case namespacePid = "namespace-pid"
    case namespaceMount = "namespace-mount"
    case namespaceNetwork = "namespace-network"
    case capabilities
    case seccomp

    /// The controller of control groups that it needs.
    var controller: String? {
        switch self {
        case .cgroupCPU: "cpu"
        case .cgroupCPUSet: "cpuset"
        case .cgroupMemory: "memory"
        case .cgroupPids: "pids"
        case .cgroupIO: "io"
        case .gpu: "devices"
        case .process, .disk, .ports, .namespacePid, .namespaceMount, .namespaceNetwork, .capabilities, .seccomp: nil
        }
    }

    /// Whether it has to find all processes of a container by a control group.
    var needsTracking: Bool { self == .ports }
}

/// Which modules an agent wants: `process`, and what was named.
public struct IsolationChoice: Hashable, Sendable, CustomStringConvertible {
    /// All of them.
    public private(set) var modules: Set<IsolationName>
    /// Those that were named one by one: the agent does not start without them.
    public private(set) var required: Set<IsolationName> = []

    /// Control groups, where the machine has them and lets this agent use them.
    public static let cgroups = Self(modules: [.process, .cgroupCPU, .cgroupMemory, .cgroupPids])
    /// As processes of one machine.
    public static let processes = Self(modules: [.process])

    /// A list was not understood.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// For people: the word, and those that are known.
        public let description: String
    }

    private init(modules: Set<IsolationName>) { self.modules = modules }

    /// Reads words divided by commas: names of modules, or `cgroups` and `processes` for what those have.
    public init(_ text: String) throws(Invalid) {
        self.init(modules: [.process])
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for word in words {
            switch word {
            case "cgroups": self.modules.formUnion(Self.cgroups.modules)
            case "processes": break
            default:
                guard let name = IsolationName(rawValue: word) else {
                    let known = (["cgroups", "processes"] + IsolationName.allCases.map(\.rawValue))
                    throw Invalid(description: "\"\(word)\" is none of \(known.joined(separator: ", "))")
                }
                self.modules.insert(name)
                self.required.insert(name)
            }
        }
    }

    /// As it can be read again.
    public var description: String {
        let shorthand = self.modules.subtracting(self.required).isSuperset(
            of: Self.cgroups.modules.subtracting([.process]))
        let rest = IsolationName.allCases.filter(self.required.contains).map(\.rawValue)
        return ([shorthand ? "cgroups" : "processes"] + rest).joined(separator: ",")
    }

    func contains(_ name: IsolationName) -> Bool { self.modules.contains(name) }
}

/// Makes the modules.
enum IsolationRegistry {
    /// What a module may need to know of the machine and of the agent's settings.
    struct Context {
        let settings: IsolationSettings
        let tracking: CgroupHierarchy?
        /// The hierarchy that has a controller, if the agent was granted it.
        let granted: (String) -> CgroupHierarchy?
        /// The agent's own group.
        let group: (CgroupHierarchy) -> String
        /// Something that an operator should know.
        let remark: @Sendable (String) -> Void
    }

    /// A module.
    ///
    /// - Returns: Nil if it has nothing to do.
    /// - Throws: Why it cannot be had here.
    static func make(_ name: IsolationName, _ context: Context) throws(IsolationError) -> (any IsolationModule)? {
        switch name {
        case .process: return ProcessIsolation(tracking: context.tracking)
        case .cgroupCPU:
            return CPUIsolation(try Self.hierarchy(name, context), isQuotaEnforced: context.settings.enforcesCPUQuota)
        case .cgroupCPUSet:
            let hierarchy = try Self.hierarchy(name, context)
            return try CPUSetIsolation(hierarchy, group: context.group(hierarchy), remark: context.remark)
        case .cgroupMemory: return MemoryIsolation(try Self.hierarchy(name, context))
        case .cgroupPids:
            guard let limit = context.settings.pidsLimit else { return nil }
            return PidsIsolation(try Self.hierarchy(name, context), limit: limit)
        case .cgroupIO:
            let hierarchy = try Self.hierarchy(name, context)
            return try IOIsolation(
                hierarchy, group: context.group(hierarchy), limit: context.settings.ioLimit,
                directory: context.settings.directory, remark: context.remark)
        case .disk: return DiskIsolation()
        case .ports: return try Self.ports(context)
        case .gpu:
            return try GPUIsolation(
                try Self.hierarchy(name, context), devices: context.settings.gpuDevices, total: context.settings.total)
        case .namespacePid: return try PidNamespaceIsolation.detect()
        case .namespaceMount: return try MountNamespaceIsolation.detect()
        case .namespaceNetwork: return try NetworkNamespaceIsolation.detect()
        case .capabilities: return CapabilitiesIsolation.detect(allowed: context.settings.allowedCapabilities)
        case .seccomp: return try SeccompIsolation.detect()
        }
    }

    private static func ports(_ context: Context) throws(IsolationError) -> (any IsolationModule)? {
        guard let tracking = context.tracking else {
            throw IsolationError("no control group that this agent may use to find the processes of a container by")
        }
        let guarded = context.settings.guardsAllPorts ? nil : context.settings.total.ranges("ports")
        return PortsIsolation(
            tracking: tracking, watch: PortsWatch(guarded: guarded, interval: context.settings.portsInterval))
    }

    private static func hierarchy(
        _ name: IsolationName, _ context: Context
    ) throws(IsolationError) -> CgroupHierarchy {
        let controller = name.controller ?? ""
        guard let found = context.granted(controller) else {
            if name == .gpu {
                throw IsolationError(
                    "no control groups of version 1 with \"devices\": the unified ones cannot keep devices closed")
            }
            throw IsolationError("no control groups with \"\(controller)\" that this agent may use")
        }
        return found
    }
}

/// Namespaces of the kernel, as far as modules share them.
enum Namespaces {
    // Of linux/sched.h.
    static let mounts: UInt32 = 0x0002_0000
    static let hostName: UInt32 = 0x0400_0000
    static let ipc: UInt32 = 0x0800_0000
    static let pids: UInt32 = 0x2000_0000
    static let network: UInt32 = 0x4000_0000

    /// Makes sure that this agent may make namespaces of these kinds.
    ///
    /// - Parameter kinds: As `/proc/self/ns` names them.
    static func require(_ kinds: String...) throws(IsolationError) {
        for kind in kinds where access("/proc/self/ns/\(kind)", F_OK) != 0 {
            throw IsolationError("this kernel has no namespaces of \"\(kind)\"")
        }
        // CAP_SYS_ADMIN.
        guard Self.ownCapabilities >> 21 & 1 == 1 else {
            throw IsolationError("namespaces need root, with CAP_SYS_ADMIN")
        }
    }

    /// Those in effect for this process, a bit for each.
    static var ownCapabilities: UInt64 {
        for line in (Files.text("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("CapEff:\t") {
            return UInt64(line.dropFirst(8), radix: 16) ?? 0
        }
        return 0
    }
}
