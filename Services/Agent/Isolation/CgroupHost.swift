/// One mounted hierarchy of control groups.
public struct CgroupHierarchy: Hashable, Sendable {
    /// Where it is mounted.
    public let mount: String
    /// 1: a tree for each controller or few.
    ///
    /// 2: the unified tree.
    public let version: Int
    /// The controllers that it has; of version 2 those that its root offers.
    public let controllers: Set<String>

    /// A hierarchy as a test describes it.
    public init(mount: String, version: Int, controllers: Set<String>) {
        self.mount = mount
        self.version = version
        self.controllers = controllers
    }
}

/// The control groups of this machine, as the kernel shows them to this process.
///
/// Old machines have a tree of version 1 for each controller, new ones one unified tree of version 2, and some have
/// both, with each controller in one of the two.
public struct CgroupHost: Hashable, Sendable {
    /// In the order of `/proc/self/mountinfo`.
    public let hierarchies: [CgroupHierarchy]

    /// Where all trees of version 1 are mounted, also those of which no module makes use.
    ///
    /// Whoever manages services or containers ends what it finds in a group of one of them.
    let separateMounts: [String]

    /// The tree of version 2, if it is mounted.
    public var unified: CgroupHierarchy? { self.hierarchies.first { $0.version == 2 } }

    /// What is mounted now.
    public static func detect() -> CgroupHost {
        CgroupHost(mountinfo: Files.text("/proc/self/mountinfo") ?? "") { Files.text($0 + "/cgroup.controllers") ?? "" }
    }

    /// Reads the lines of `mountinfo`; `controllers` gives the content of `cgroup.controllers` of a tree of version 2.
    init(mountinfo: String, controllers: (String) -> String) {
        var found: [CgroupHierarchy] = [], separate: [String: String] = [:]
        for line in mountinfo.split(separator: "\n") {
            // 36 35 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
            let sides = line.components(dividedBy: " - ")
            guard sides.count == 2 else { continue }
            let mount = sides[0].split(separator: " "), system = sides[1].split(separator: " ")
            guard mount.count >= 6, system.count >= 3, mount[5].split(separator: ",").contains("rw") else { continue }
            let path = Self.unescaped(mount[4])
            switch system[0] {
            case "cgroup2":
                let names = controllers(path).split(whereSeparator: \.isWhitespace).map(String.init)
                found.append(CgroupHierarchy(mount: path, version: 2, controllers: Set(names)))
            case "cgroup":
                let names = Set(system[2].split(separator: ",").map(String.init))
                let tree = names.subtracting(["rw"]).sorted().joined(separator: ",")
                separate[tree] = separate[tree] ?? path
                let controllers = Set(names.map { $0 == "blkio" ? "io" : $0 }).intersection(Self.known)
                found.append(CgroupHierarchy(mount: path, version: 1, controllers: controllers))
            default: continue
            }
        }
        self.separateMounts = separate.values.sorted()
        // The same tree may be mounted in several places.
        var seen: Set<Set<String>> = []
        self.hierarchies = found.filter {
            $0.version == 2 || (!$0.controllers.isEmpty && seen.insert($0.controllers).inserted)
        }
    }

    /// The controllers of version 1 that any module uses, and `cpuacct`, which is often mounted with `cpu`.
    ///
    /// What version 1 calls `blkio` has the name that it has in version 2.
    private static let known: Set<String> = [
        "cpu", "cpuacct", "cpuset", "memory", "pids", "io", "devices", "freezer",
    ]

    /// Where a controller is: version 2 if it has it, else a tree of version 1.
    public func hierarchy(of controller: String) -> CgroupHierarchy? {
        if let unified, unified.controllers.contains(controller) { return unified }
        return self.hierarchies.first { $0.version == 1 && $0.controllers.contains(controller) }
    }

    /// The tree by which a container's processes are found: version 2 kills them at one stroke, the freezer lists them.
    public var tracking: CgroupHierarchy? { self.unified ?? self.hierarchy(of: "freezer") }

    /// Spaces and the like stand in `mountinfo` as three octal digits.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = [], rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3, let code = UInt8(String(rest.prefix(3)) ?? "", radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    func components(dividedBy separator: String) -> [Substring] {
        guard let range = self.firstRange(of: separator) else { return [self] }
        return [self[..<range.lowerBound], self[range.upperBound...]]
    }
}
