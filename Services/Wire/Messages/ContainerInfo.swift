internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.ContainerInfo`. What it asks for and no agent does is named in `unsupported`: here it is only read.
extension ContainerInfo {
    init(_ c: UnsafeMutablePointer<Meseta__V1__ContainerInfo>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("ContainerInfo")
        self.init()
        self.hostname = try reader.nonEmptyText(c.pointee.hostname, "hostname")
        if let image = c.pointee.mesos?.pointee.local_image {
            self.image = LocalImage(
                path: try reader.text(image.pointee.path, "local_image.path"),
                reference: try reader.nonEmptyText(image.pointee.reference, "local_image.reference"))
        }
        var problems: [String] = []
        for volume in try reader.list(c.pointee.n_volumes, c.pointee.volumes, { $0 }) {
            switch try Volume.read(volume, reader) {
            case .success(let volume): self.volumes.append(volume)
            case .failure(let problem): problems.append(problem.reason)
            }
        }
        if let linux = c.pointee.linux_info { problems += self.linux.read(linux) }
        if let limits = c.pointee.rlimit_info { problems += self.read(limits) }
        if let terminal = c.pointee.tty_info { self.terminal = TerminalSize(terminal) }
        self.unsupported = Self.problem(with: c) ?? problems.first
    }

    /// Something of it that no agent does.
    struct Unsupported: Error {
        let reason: String
    }

    private static func problem(with c: UnsafeMutablePointer<Meseta__V1__ContainerInfo>) -> String? {
        switch c.pointee.type {
        case MESETA__V1__CONTAINER_INFO__TYPE__MESOS: break
        case MESETA__V1__CONTAINER_INFO__TYPE__DOCKER: return "is of type DOCKER; agents make those of type MESOS"
        default: return "has no type that this version knows"
        }
        if c.pointee.docker != nil { return "is of type MESOS with `docker`" }
        if c.pointee.mesos?.pointee.image != nil {
            return
                "has an image of a registry, which agents do not fetch; put it on their disks as a directory, a tar archive "
                + "or an OCI image layout, and name that as `local_image`"
        }
        for index in 0..<c.pointee.n_network_infos {
            let network = c.pointee.network_infos[index]!.pointee
            if network.name != nil || network.n_port_mappings > 0 {
                return "asks for a network by name or for port mappings; containers have the machine's own network"
            }
        }
        return nil
    }

    /// Takes the limits that it knows.
    private mutating func read(_ c: UnsafeMutablePointer<Meseta__V1__RLimitInfo>) -> [String] {
        var problems: [String] = []
        for index in 0..<c.pointee.n_rlimits {
            let limit = c.pointee.rlimits[index]!.pointee
            guard limit.has_type != 0, let kind = ResourceLimit.Kind(rawValue: Int32(bitPattern: limit.type.rawValue))
            else {
                problems.append("has a limit of no type that this version knows")
                continue
            }
            if (limit.has_soft != 0) != (limit.has_hard != 0) {
                problems.append("has a limit with only one of `soft` and `hard`; set both, or neither for no limit")
            }
            self.limits.append(
                ResourceLimit(
                    kind, soft: limit.has_soft == 0 ? nil : limit.soft, hard: limit.has_hard == 0 ? nil : limit.hard))
        }
        return problems
    }

    /// Gives the message its C form.
    ///
    /// Something unsupported stays that: it is of type DOCKER without an image.
    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__ContainerInfo> {
        let c = arena.make(Meseta__V1__ContainerInfo.self)
        c.pointee.type =
            self.unsupported == nil ? MESETA__V1__CONTAINER_INFO__TYPE__MESOS : MESETA__V1__CONTAINER_INFO__TYPE__DOCKER
        c.pointee.hostname = arena.text(ifAny: self.hostname)
        if let image {
            c.pointee.mesos = arena.make()
            c.pointee.mesos.pointee.local_image = arena.make()
            c.pointee.mesos.pointee.local_image.pointee.path = arena.text(image.path)
            c.pointee.mesos.pointee.local_image.pointee.reference = arena.text(ifAny: image.reference)
        }
        c.pointee.n_volumes = self.volumes.count
        c.pointee.volumes = arena.list(self.volumes) { $0.c(in: arena) }
        c.pointee.linux_info = self.linux.c(in: arena)
        if !self.limits.isEmpty {
            c.pointee.rlimit_info = arena.make()
            c.pointee.rlimit_info.pointee.n_rlimits = self.limits.count
            c.pointee.rlimit_info.pointee.rlimits = arena.list(self.limits) { $0.c(in: arena) }
        }
        c.pointee.tty_info = self.terminal?.c(in: arena)
        return c
    }
}

extension ContainerInfo.Volume {
    /// Reads the message, or says what no agent does of it.
    static func read(
        _ c: UnsafeMutablePointer<Meseta__V1__Volume>, _ reader: MessageReader
    ) throws(MessageError) -> Result<Self, ContainerInfo.Unsupported> {
        let path = try reader.text(c.pointee.container_path, "volumes.container_path")
        func failure(_ reason: String) -> Result<Self, ContainerInfo.Unsupported> {
            .failure(.init(reason: "has a volume at '\(path)' \(reason)"))
        }
        let isReadOnly = c.pointee.mode == MESETA__V1__VOLUME__MODE__RO
        guard isReadOnly || c.pointee.mode == MESETA__V1__VOLUME__MODE__RW else {
            return failure("that is neither RW nor RO")
        }
        if c.pointee.image != nil { return failure("that is an image, which agents do not mount") }
        let source: Source
        switch (c.pointee.source, try reader.nonEmptyText(c.pointee.host_path, "volumes.host_path")) {
        case (nil, nil): return failure("that comes from nowhere: it has neither `host_path` nor `source`")
        case (.some, .some): return failure("with both `host_path` and `source`")
        case (nil, let host?): source = host.hasPrefix("/") ? .host(host) : .sandbox(host)
        case (let other?, nil):
            switch try Self.source(other, reader) {
            case .success(let found): source = found
            case .failure(let problem): return failure(problem.reason)
            }
        }
        return .success(Self(path, source, isReadOnly: isReadOnly))
    }

    private static func source(
        _ c: UnsafeMutablePointer<Meseta__V1__Volume__Source>, _ reader: MessageReader
    ) throws(MessageError) -> Result<Source, ContainerInfo.Unsupported> {
        let type = c.pointee.has_type == 0 ? MESETA__V1__VOLUME__SOURCE__TYPE__UNKNOWN : c.pointee.type
        switch (type, c.pointee.host_path, c.pointee.sandbox_path) {
        case (MESETA__V1__VOLUME__SOURCE__TYPE__HOST_PATH, let host?, _):
            let mode = host.pointee.mount_propagation?.pointee
            if let mode, mode.has_mode != 0, mode.mode != MESETA__V1__MOUNT_PROPAGATION__MODE__UNKNOWN {
                return .failure(.init(reason: "whose later mounts are to be shared, which agents do not do"))
            }
            return .success(.host(try reader.text(host.pointee.path, "volumes.source.host_path.path")))
        case (MESETA__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH, _, let sandbox?):
            if sandbox.pointee.has_type != 0,
                sandbox.pointee.type == MESETA__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT
            {
                return .failure(.init(reason: "of the sandbox around its own, and there is none"))
            }
            return .success(.sandbox(try reader.text(sandbox.pointee.path, "volumes.source.sandbox_path.path")))
        default:
            return .failure(.init(reason: "whose source is neither HOST_PATH nor SANDBOX_PATH"))
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Volume> {
        let c = arena.make(Meseta__V1__Volume.self)
        c.pointee.container_path = arena.text(self.containerPath)
        c.pointee.mode = self.isReadOnly ? MESETA__V1__VOLUME__MODE__RO : MESETA__V1__VOLUME__MODE__RW
        c.pointee.source = arena.make()
        c.pointee.source.pointee.has_type = 1
        switch self.source {
        case .host(let path):
            c.pointee.source.pointee.type = MESETA__V1__VOLUME__SOURCE__TYPE__HOST_PATH
            c.pointee.source.pointee.host_path = arena.make()
            c.pointee.source.pointee.host_path.pointee.path = arena.text(path)
        case .sandbox(let path):
            c.pointee.source.pointee.type = MESETA__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH
            c.pointee.source.pointee.sandbox_path = arena.make()
            c.pointee.source.pointee.sandbox_path.pointee.has_type = 1
            c.pointee.source.pointee.sandbox_path.pointee.type = MESETA__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__SELF
            c.pointee.source.pointee.sandbox_path.pointee.path = arena.text(path)
        }
        return c
    }
}

extension ContainerInfo.LinuxInfo {
    /// What capabilities are numbered from in the message.
    private static let firstCapability: UInt32 = 1000

    /// Takes what it knows; the rest is returned in words.
    fileprivate mutating func read(_ c: UnsafeMutablePointer<Meseta__V1__LinuxInfo>) -> [String] {
        var problems: [String] = []
        if let seccomp = c.pointee.seccomp?.pointee {
            let isUnconfined = seccomp.has_unconfined != 0 && seccomp.unconfined != 0
            if seccomp.profile_name != nil || isUnconfined {
                problems.append("chooses its filter of system calls; agents have one for all (--isolation seccomp)")
            }
        }
        if c.pointee.has_share_pid_namespace != 0, c.pointee.share_pid_namespace != 0 {
            problems.append("wants to share a namespace of processes, which is the agents' choice (--isolation)")
        }
        let sharesIPC = c.pointee.ipc_mode == MESETA__V1__LINUX_INFO__IPC_MODE__SHARE_PARENT
        if c.pointee.has_ipc_mode != 0, c.pointee.ipc_mode != MESETA__V1__LINUX_INFO__IPC_MODE__UNKNOWN {
            problems.append(
                "wants \(sharesIPC ? "to share" : "its own") System V objects, which is the agents' choice (--isolation)"
            )
        }
        if c.pointee.has_shm_size != 0 { problems.append("sets the size of /dev/shm, which agents do not do") }
        func capabilities(_ c: UnsafeMutablePointer<Meseta__V1__CapabilityInfo>?) -> UInt64? {
            guard let c else { return nil }
            var set: UInt64 = 0
            for index in 0..<c.pointee.n_capabilities {
                let number = UInt32(bitPattern: Int32(truncatingIfNeeded: c.pointee.capabilities[index].rawValue))
                if (Self.firstCapability..<Self.firstCapability + 64).contains(number) {
                    set |= 1 << UInt64(number - Self.firstCapability)
                } else {
                    problems.append("has a capability that this version does not know: \(number)")
                }
            }
            return set
        }
        self.effectiveCapabilities = capabilities(c.pointee.effective_capabilities ?? c.pointee.capability_info)
        self.boundingCapabilities = capabilities(c.pointee.bounding_capabilities)
        return problems
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__LinuxInfo>? {
        if self == Self() { return nil }
        func message(_ set: UInt64?) -> UnsafeMutablePointer<Meseta__V1__CapabilityInfo>? {
            guard let set else { return nil }
            let c = arena.make(Meseta__V1__CapabilityInfo.self)
            c.pointee.n_capabilities = set.nonzeroBitCount
            let list = arena.array(set.nonzeroBitCount, of: Meseta__V1__CapabilityInfo__Capability.self)
            for (index, bit) in (0..<UInt32(64)).filter({ set >> UInt64($0) & 1 == 1 }).enumerated() {
                list[index] = Meseta__V1__CapabilityInfo__Capability(rawValue: .init(Self.firstCapability + bit))
            }
            c.pointee.capabilities = list
            return c
        }
        let c = arena.make(Meseta__V1__LinuxInfo.self)
        c.pointee.effective_capabilities = message(self.effectiveCapabilities)
        c.pointee.bounding_capabilities = message(self.boundingCapabilities)
        return c
    }
}

extension ContainerInfo.ResourceLimit {
    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__RLimitInfo__RLimit> {
        let c = arena.make(Meseta__V1__RLimitInfo__RLimit.self)
        c.pointee.has_type = 1
        c.pointee.type = Meseta__V1__RLimitInfo__RLimit__Type(rawValue: .init(self.kind.rawValue))
        if let soft { (c.pointee.has_soft, c.pointee.soft) = (1, soft) }
        if let hard { (c.pointee.has_hard, c.pointee.hard) = (1, hard) }
        return c
    }
}

extension ContainerInfo.TerminalSize {
    fileprivate init(_ c: UnsafeMutablePointer<Meseta__V1__TTYInfo>) {
        self.init(rows: c.pointee.window_size?.pointee.rows, columns: c.pointee.window_size?.pointee.columns)
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__TTYInfo> {
        let c = arena.make(Meseta__V1__TTYInfo.self)
        if self.rows != nil || self.columns != nil {
            c.pointee.window_size = arena.make()
            c.pointee.window_size.pointee.rows = self.rows ?? 0
            c.pointee.window_size.pointee.columns = self.columns ?? 0
        }
        return c
    }
}
