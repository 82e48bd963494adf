internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a container sees of files: a root of its own, and volumes.
struct ContainerView: Sendable {
    /// Where a container with a root of its own has its sandbox, as in Mesos.
    static let innerSandbox = "/mnt/mesos/sandbox"
    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    let info: ContainerInfo?
    /// Nil: the machine's.
    let root: ProvisionedRoot?
    let sandbox: Sandbox

    /// The sandbox as its processes see it.
    var sandboxPath: String { self.root == nil ? self.sandbox.path : Self.innerSandbox }
    /// Where its processes begin.
    var directory: String { self.root.map { $0.config.directory ?? Self.innerSandbox } ?? self.sandbox.path }

    /// The variable by which its processes are told from others': a path on the machine that no other run has.
    var markName: String { self.root == nil ? "MESETA_SANDBOX" : "MESETA_CONTAINER" }

    /// What it finds in its environment unless its own says otherwise.
    ///
    /// - Parameter machine: What containers find that see the machine.
    func environment(_ machine: [String: String]) -> [String: String] {
        guard let root else { return machine }
        var environment = machine
        environment["PATH"] = Self.usualPath
        return environment.merging(root.config.environment) { _, own in own }
    }

    /// The whole vector of a command, where its task leaves it to the image; nil: the command says.
    func vector(of command: CommandInfo) -> [String]? {
        guard let config = self.root?.config, !command.shell, command.value == nil else { return nil }
        let vector = config.entrypoint + (command.arguments.isEmpty ? config.arguments : command.arguments)
        return vector.isEmpty ? nil : vector
    }

    /// Adds what the supervisor has to do for it.
    ///
    /// - Parameter directories: What volumes may come from.
    func add(to start: inout SupervisorStart, volumeDirectories directories: [String]) throws(IsolationError) {
        guard let info else { return }
        if self.root == nil, info.volumes.isEmpty, info.hostname == nil { return }
        do throws(IsolationError) { try Namespaces.require("mnt", "uts") } catch {
            throw IsolationError("Images, volumes and host names cannot be had from this agent: \(error)")
        }
        if let hostname = info.hostname {
            start.namespaces |= Namespaces.hostName
            start.hostname = hostname
        }
        if self.root == nil, info.volumes.isEmpty { return }
        start.namespaces |= Namespaces.mounts
        // Or a file of the task's in place of one that a program trusts which changes users would be obeyed by it.
        if start.user != nil { start.hasNoNewPrivileges = true }
        if let root {
            // Those of the modules are for who sees the machine's files.
            start.mounts = []
            start.root = .init(within: root.base, options: root.options, target: root.target, directory: self.directory)
            start.volumes.append(.init(within: self.sandbox.path, path: "", target: Self.innerSandbox))
        }
        for volume in info.volumes { start.volumes.append(try self.volume(volume, directories)) }
    }

    private func volume(
        _ volume: ContainerInfo.Volume, _ directories: [String]
    ) throws(IsolationError) -> SupervisorStart.Volume {
        var order: SupervisorStart.Volume
        switch volume.source {
        case .sandbox(let path):
            order = .init(within: self.sandbox.path, path: path, target: volume.containerPath)
            order.makesPath = true
        case .host(let path):
            let (base, rest) = try Self.place(of: path, in: directories)
            order = .init(within: base, path: rest, target: volume.containerPath)
        }
        order.isReadOnly = volume.isReadOnly
        if !volume.containerPath.hasPrefix("/") {
            if self.root == nil {
                order.targetWithin = self.sandbox.path
            } else {
                order.target = "\(Self.innerSandbox)/\(volume.containerPath)"
            }
        }
        return order
    }

    /// The directory of those allowed that a path lies in, and the rest of the path.
    ///
    /// By its words alone: that no link in it leads out of there the supervisor sees to.
    static func place(of path: String, in directories: [String]) throws(IsolationError) -> (base: String, rest: String)
    {
        guard !directories.isEmpty else {
            throw IsolationError(
                "The volume \(path) cannot be had: this agent takes none from its machine unless --volume-dirs names the "
                    + "directories that they may come from")
        }
        let parts = path.split(separator: "/").filter { $0 != "." }
        let fitting = directories.filter { parts.starts(with: $0.split(separator: "/").filter { $0 != "." }) }
        guard let base = fitting.max(by: { $0.split(separator: "/").count < $1.split(separator: "/").count }),
            !parts.contains("..")
        else {
            throw IsolationError(
                "The volume \(path) lies in none of the directories that this agent takes volumes from (--volume-dirs): "
                    + directories.joined(separator: ", "))
        }
        let depth = base.split(separator: "/").filter { $0 != "." }.count
        return (base, parts.dropFirst(depth).joined(separator: "/"))
    }
}
