internal import Messages
public import Model

extension TaskInfo {
    /// A task on the agent of an offer.
    ///
    /// Give it a `command` or an `executor`.
    ///
    /// - Parameter name: For people; the id if nothing else is said.
    public init(_ id: TaskID, on offer: Offer, resources: Resources, name: String? = nil) {
        self.init(name: name ?? id.rawValue, taskID: id, agentID: offer.agentID, resources: resources)
    }

    /// Runs this in `/bin/sh -c`.
    public func command(_ shell: String, environment: [String: String] = [:]) -> Self {
        self.command(CommandInfo(shell: shell), environment: environment)
    }

    /// Runs this program, whose own name the arguments leave out, without a shell.
    public func command(
        program: String, arguments: [String] = [], environment: [String: String] = [:]
    ) -> Self {
        self.command(CommandInfo(program: program, arguments: [program] + arguments), environment: environment)
    }

    private func command(_ command: CommandInfo, environment: [String: String]) -> Self {
        var task = self
        task.command = command
        task.command?.environment = environment
        return task
    }

    /// Hands the task to an executor, which is started unless it runs on that agent already.
    public func executor(_ executor: ExecutorInfo) -> Self {
        var task = self
        task.executor = executor
        return task
    }

    /// What the executor is to know, as text.
    public func data(_ text: String) -> Self { self.data(Bytes(text.utf8)) }

    /// What the executor is to know.
    public func data(_ bytes: Bytes) -> Self {
        var task = self
        task.data = bytes
        return task
    }

    /// `data` as text; nil if there is none.
    public var text: String? { self.data.map { String(decoding: $0, as: UTF8.self) } }
}

extension ExecutorInfo {
    /// A program that runs tasks, with what it needs beside them.
    public init(_ id: ExecutorID, program: String, arguments: [String] = [], resources: Resources = .init()) {
        self.init(executorID: id, command: CommandInfo(program: program, arguments: [program] + arguments))
        self.name = id.rawValue
        self.resources = resources
    }
}

extension FrameworkInfo {
    /// A framework of that name, of the user that this process runs as.
    public init(_ name: String, failoverTimeout: Duration = .zero, roles: [String] = ["*"]) {
        self.init(user: Environment.user, name: name)
        self.failoverTimeout = failoverTimeout
        self.roles = roles
        self.hostname = Environment.hostname
        if roles.count > 1 { self.capabilities.insert(.multiRole) }
    }
}

extension TaskStatus {
    /// `data` as text; nil if there is none.
    public var text: String? { self.data.map { String(decoding: $0, as: UTF8.self) } }
}

extension Offer {
    /// The properties of the agent that schedulers choose by.
    public var attributeList: [Attribute] { ProtobufCodec().attributes(self.attributes) }

    /// The agent's first attribute of that name.
    public func attribute(_ name: String) -> Attribute.Value? {
        self.attributeList.first { $0.name == name }?.value
    }

    /// Whether this is enough for that much.
    public func fits(_ resources: Resources) -> Bool { self.resources.contains(resources) }
}

extension Resources {
    /// Amounts as people think of them: cores, megabytes, devices.
    ///
    /// More than three decimals are rounded.
    ///
    /// Amounts below zero, or beyond what resources can hold, are a bug of the caller.
    public init(cpus: Double, mem: Double = 0, disk: Double = 0, gpus: Double = 0) {
        func milli(_ amount: Double) -> Int64 {
            precondition(amount >= 0 && amount <= Double(Self.scalarLimit / 1000), "\(amount) is no amount")
            return Int64((amount * 1000).rounded())
        }
        self.init(milliCPU: milli(cpus), milliMB: milli(mem), milliMBDisk: milli(disk), milliGPU: milli(gpus))
    }
}
