internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.SupervisorCommand`.
extension SupervisorCommand: WireMessage {
    /// Reads a message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__SupervisorCommand>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_START:
            self = .start(try SupervisorStart(c.pointee.start, reader))
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_SIGNAL:
            let order = c.pointee.signal!.pointee
            self = .signal(order.run, order.signal, everything: order.everything != 0)
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_DESTROY:
            self = .destroy(c.pointee.destroy)
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FORGET:
            self = .forget(c.pointee.forget)
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FINISH:
            self = .finish
        case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_PROBE:
            let probe = c.pointee.probe!
            self = .probe(
                SupervisorProbe(
                    id: probe.pointee.probe,
                    start: try SupervisorStart(try reader.required(probe.pointee.start, "probe.start"), reader),
                    timeout: .milliseconds(Int64(clamping: probe.pointee.timeout_ms))))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__SupervisorCommand.self)
        switch self {
        case .start(let start):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_START
            c.pointee.start = start.c(in: arena)
        case .signal(let runID, let signal, let everything):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_SIGNAL
            c.pointee.signal = arena.make()
            c.pointee.signal.pointee.run = runID
            c.pointee.signal.pointee.signal = signal
            c.pointee.signal.pointee.everything = everything ? 1 : 0
        case .destroy(let runID):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_DESTROY
            c.pointee.destroy = runID
        case .forget(let runID):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FORGET
            c.pointee.forget = runID
        case .finish:
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FINISH
            c.pointee.finish = 1
        case .probe(let probe):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_COMMAND__KIND_PROBE
            c.pointee.probe = arena.make()
            c.pointee.probe.pointee.probe = probe.id
            c.pointee.probe.pointee.start = probe.start.c(in: arena)
            c.pointee.probe.pointee.timeout_ms = UInt64(clamping: probe.timeout.nanoseconds / 1_000_000)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.SupervisorStart`.
extension SupervisorStart {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorStart>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("SupervisorStart")
        self.init(
            runID: c.pointee.run, program: try reader.text(c.pointee.program, "program"),
            arguments: try reader.texts(c.pointee.n_arguments, c.pointee.arguments, "arguments"),
            environment: try reader.texts(c.pointee.n_environment, c.pointee.environment, "environment"),
            directory: try reader.text(c.pointee.directory, "directory"),
            outputPath: try reader.text(c.pointee.output, "output"),
            errorPath: try reader.text(c.pointee.error, "error"),
            user: c.pointee.switch_user == 0
                ? nil
                : User(
                    uid: c.pointee.uid, gid: c.pointee.gid,
                    groups: Array(UnsafeBufferPointer(start: c.pointee.groups, count: c.pointee.n_groups))),
            mark: try reader.text(c.pointee.mark, "mark"))
        self.cgroups = try reader.texts(c.pointee.n_cgroups, c.pointee.cgroups, "cgroups")
        self.tracking = try reader.nonEmptyText(c.pointee.tracking, "tracking")
        self.limits = try reader.list(c.pointee.n_limits, c.pointee.limits) { limit throws(MessageError) in
            Limit(resource: limit.pointee.resource, soft: limit.pointee.soft, hard: limit.pointee.hard)
        }
        try self.readIsolation(c, reader)
    }

    private mutating func readIsolation(
        _ c: UnsafeMutablePointer<Meseta__Wire__SupervisorStart>, _ reader: MessageReader
    ) throws(MessageError) {
        self.namespaces = c.pointee.namespaces
        self.mounts = try reader.list(c.pointee.n_mounts, c.pointee.mounts) { mount throws(MessageError) in
            Mount(
                source: try reader.text(mount.pointee.source, "source"),
                target: try reader.text(mount.pointee.target, "target"),
                type: try reader.text(mount.pointee.type, "type"), flags: mount.pointee.flags,
                data: try reader.text(mount.pointee.data, "data"))
        }
        self.capabilities = c.pointee.drop_capabilities == 0 ? nil : c.pointee.capabilities
        self.hasNoNewPrivileges = c.pointee.no_new_privileges != 0
        self.isFiltered = c.pointee.filter_calls != 0
        if let root = c.pointee.root { self.root = try Root(root, reader) }
        self.volumes = try reader.list(c.pointee.n_volumes, c.pointee.volumes) { volume throws(MessageError) in
            try Volume(volume, reader)
        }
        self.hostname = try reader.nonEmptyText(c.pointee.hostname, "hostname")
        self.hasAmbientCapabilities = c.pointee.ambient_capabilities != 0
        self.devices = try reader.texts(c.pointee.n_devices, c.pointee.devices, "devices")
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorStart> {
        let c = arena.make(Meseta__Wire__SupervisorStart.self)
        c.pointee.run = self.runID
        c.pointee.program = arena.text(self.program)
        c.pointee.n_arguments = self.arguments.count
        c.pointee.arguments = arena.texts(self.arguments)
        c.pointee.n_environment = self.environment.count
        c.pointee.environment = arena.texts(self.environment)
        c.pointee.directory = arena.text(self.directory)
        c.pointee.output = arena.text(self.outputPath)
        c.pointee.error = arena.text(self.errorPath)
        if let user {
            c.pointee.switch_user = 1
            c.pointee.uid = user.uid
            c.pointee.gid = user.gid
            c.pointee.n_groups = user.groups.count
            c.pointee.groups = arena.array(user.groups.count, of: UInt32.self)
            for (index, group) in user.groups.enumerated() { c.pointee.groups[index] = group }
        }
        c.pointee.n_cgroups = self.cgroups.count
        c.pointee.cgroups = arena.texts(self.cgroups)
        c.pointee.tracking = arena.text(self.tracking ?? "")
        c.pointee.mark = arena.text(self.mark)
        c.pointee.n_limits = self.limits.count
        c.pointee.limits = arena.list(self.limits) { limit in
            let message = arena.make(Meseta__Wire__SupervisorLimit.self)
            message.pointee.resource = limit.resource
            message.pointee.soft = limit.soft
            message.pointee.hard = limit.hard
            return message
        }
        self.writeIsolation(c, in: arena)
        return c
    }

    private func writeIsolation(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorStart>, in arena: MessageArena) {
        c.pointee.namespaces = self.namespaces
        c.pointee.n_mounts = self.mounts.count
        c.pointee.mounts = arena.list(self.mounts) { mount in
            let message = arena.make(Meseta__Wire__SupervisorMount.self)
            message.pointee.source = arena.text(mount.source)
            message.pointee.target = arena.text(mount.target)
            message.pointee.type = arena.text(mount.type)
            message.pointee.flags = mount.flags
            message.pointee.data = arena.text(mount.data)
            return message
        }
        c.pointee.drop_capabilities = self.capabilities == nil ? 0 : 1
        c.pointee.capabilities = self.capabilities ?? 0
        c.pointee.no_new_privileges = self.hasNoNewPrivileges ? 1 : 0
        c.pointee.filter_calls = self.isFiltered ? 1 : 0
        c.pointee.root = self.root?.c(in: arena)
        c.pointee.n_volumes = self.volumes.count
        c.pointee.volumes = arena.list(self.volumes) { $0.c(in: arena) }
        c.pointee.hostname = arena.text(self.hostname ?? "")
        c.pointee.ambient_capabilities = self.hasAmbientCapabilities ? 1 : 0
        c.pointee.n_devices = self.devices.count
        c.pointee.devices = arena.texts(self.devices)
    }
}

/// `meseta.wire.SupervisorRoot`.
extension SupervisorStart.Root {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorRoot>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            within: try reader.text(c.pointee.within, "root.within"),
            options: try reader.text(c.pointee.options, "root.options"),
            target: try reader.text(c.pointee.target, "root.target"),
            directory: try reader.text(c.pointee.directory, "root.directory"))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorRoot> {
        let c = arena.make(Meseta__Wire__SupervisorRoot.self)
        c.pointee.within = arena.text(self.within)
        c.pointee.options = arena.text(self.options)
        c.pointee.target = arena.text(self.target)
        c.pointee.directory = arena.text(self.directory)
        return c
    }
}

/// `meseta.wire.SupervisorVolume`.
extension SupervisorStart.Volume {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorVolume>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            within: try reader.text(c.pointee.within, "volumes.within"),
            path: try reader.text(c.pointee.path, "volumes.path"),
            target: try reader.text(c.pointee.target, "volumes.target"))
        self.makesPath = c.pointee.make_path != 0
        self.targetWithin = try reader.nonEmptyText(c.pointee.target_within, "volumes.target_within")
        self.isReadOnly = c.pointee.read_only != 0
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorVolume> {
        let c = arena.make(Meseta__Wire__SupervisorVolume.self)
        c.pointee.within = arena.text(self.within)
        c.pointee.path = arena.text(self.path)
        c.pointee.make_path = self.makesPath ? 1 : 0
        c.pointee.target_within = arena.text(self.targetWithin ?? "")
        c.pointee.target = arena.text(self.target)
        c.pointee.read_only = self.isReadOnly ? 1 : 0
        return c
    }
}

/// `meseta.wire.SupervisorEvent`.
extension SupervisorEvent: WireMessage {
    /// Reads a message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__SupervisorEvent>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_SNAPSHOT:
            self = .snapshot(try SupervisorSnapshot(c.pointee.snapshot, reader))
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_STARTED:
            self = .started(SupervisorRun(c.pointee.started))
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_EXITED:
            self = .exited(SupervisorExit(c.pointee.exited))
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_FAILED:
            self = .failed(SupervisorFailure(c.pointee.failed))
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_UNKNOWN:
            self = .unknown(c.pointee.unknown)
        case MESETA__WIRE__SUPERVISOR_EVENT__KIND_PROBED:
            let probed = c.pointee.probed!.pointee
            self = .probed(
                SupervisorProbed(
                    id: probed.probe, status: probed.status, isTimedOut: probed.timed_out != 0, error: probed.error,
                    stage: .init(rawValue: probed.stage.rawValue) ?? .unknown, output: reader.bytes(probed.output)))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__SupervisorEvent.self)
        switch self {
        case .snapshot(let snapshot):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_SNAPSHOT
            c.pointee.snapshot = snapshot.c(in: arena)
        case .started(let run):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_STARTED
            c.pointee.started = run.c(in: arena)
        case .exited(let exit):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_EXITED
            c.pointee.exited = exit.c(in: arena)
        case .failed(let failure):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_FAILED
            c.pointee.failed = failure.c(in: arena)
        case .unknown(let runID):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_UNKNOWN
            c.pointee.unknown = runID
        case .probed(let probed):
            c.pointee.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_PROBED
            c.pointee.probed = arena.make()
            c.pointee.probed.pointee.probe = probed.id
            c.pointee.probed.pointee.status = probed.status
            c.pointee.probed.pointee.timed_out = probed.isTimedOut ? 1 : 0
            c.pointee.probed.pointee.error = probed.error
            c.pointee.probed.pointee.stage = Meseta__Wire__SupervisorStage(probed.stage.rawValue)
            c.pointee.probed.pointee.output = arena.binary(probed.output)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.SupervisorSnapshot`.
extension SupervisorSnapshot {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorSnapshot>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("SupervisorSnapshot")
        self.init(
            pid: c.pointee.pid, version: c.pointee.version,
            runs: try reader.list(c.pointee.n_runs, c.pointee.runs) { run throws(MessageError) in SupervisorRun(run) },
            exits: try reader.list(c.pointee.n_exits, c.pointee.exits) { exit throws(MessageError) in
                SupervisorExit(exit)
            },
            failures: try reader.list(c.pointee.n_failures, c.pointee.failures) { failure throws(MessageError) in
                SupervisorFailure(failure)
            })
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorSnapshot> {
        let c = arena.make(Meseta__Wire__SupervisorSnapshot.self)
        c.pointee.pid = self.pid
        c.pointee.version = self.version
        c.pointee.n_runs = self.runs.count
        c.pointee.runs = arena.list(self.runs) { $0.c(in: arena) }
        c.pointee.n_exits = self.exits.count
        c.pointee.exits = arena.list(self.exits) { $0.c(in: arena) }
        c.pointee.n_failures = self.failures.count
        c.pointee.failures = arena.list(self.failures) { $0.c(in: arena) }
        return c
    }
}

/// `meseta.wire.SupervisorRun`.
extension SupervisorRun {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorRun>) {
        self.init(runID: c.pointee.run, pid: c.pointee.pid)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorRun> {
        let c = arena.make(Meseta__Wire__SupervisorRun.self)
        c.pointee.run = self.runID
        c.pointee.pid = self.pid
        return c
    }
}

/// `meseta.wire.SupervisorExit`.
extension SupervisorExit {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorExit>) {
        self.init(
            runID: c.pointee.run, status: c.pointee.status, isDestroyed: c.pointee.destroyed != 0,
            isLost: c.pointee.lost != 0)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorExit> {
        let c = arena.make(Meseta__Wire__SupervisorExit.self)
        c.pointee.run = self.runID
        c.pointee.status = self.status
        c.pointee.destroyed = self.isDestroyed ? 1 : 0
        c.pointee.lost = self.isLost ? 1 : 0
        return c
    }
}

/// `meseta.wire.SupervisorFailure`.
extension SupervisorFailure {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SupervisorFailure>) {
        self.init(
            runID: c.pointee.run, stage: Stage(rawValue: c.pointee.stage.rawValue) ?? .unknown, error: c.pointee.error)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SupervisorFailure> {
        let c = arena.make(Meseta__Wire__SupervisorFailure.self)
        c.pointee.run = self.runID
        c.pointee.stage = Meseta__Wire__SupervisorStage(self.stage.rawValue)
        c.pointee.error = self.error
        return c
    }
}
