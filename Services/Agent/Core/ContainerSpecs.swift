import Model

/// Directories below the agent's `--dir`, from names that schedulers chose:
/// `frameworks/<framework>/tasks|executors/<name>.<run>`.
///
/// One for each run and none above it that is its alone: to make a directory is most of what a short task costs the agent.
enum SandboxPath {
    static func of(command key: TaskKey, run: RunID) -> [String] {
        self.runs(of: key.framework, kind: "tasks", named: key.task.rawValue).directory(of: run)
    }

    static func of(executor key: ExecutorKey, run: RunID) -> [String] {
        self.runs(of: key.framework, kind: "executors", named: key.executor.rawValue).directory(of: run)
    }

    static func runs(of framework: FrameworkID, kind: String, named name: String) -> SandboxRuns {
        SandboxRuns(parent: ["frameworks", self.name(framework.rawValue), kind], name: self.name(name))
    }

    /// A name as one part of a path: no slash, no control character, not `.` or `..`, and short enough for any file
    /// system.
    ///
    /// What is cut off is no loss: the run below it is unique.
    static func name(_ text: String) -> String {
        if text.isEmpty || text == "." || text == ".." { return text.replacing(".", with: "%2E") + "%" }
        if text.utf8.count <= self.longestName, text.utf8.allSatisfy(self.isPlain) { return text }
        var result = ""
        for byte in text.utf8 {
            guard result.utf8.count < self.longestName else { break }
            if self.isPlain(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }

    private static let longestName = 200

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: ","):
            true
        default: false
        }
    }
}

extension AgentState {
    /// The container of a command task.
    func container(of task: TaskEntry, _ info: TaskInfo, _ command: CommandInfo) -> ContainerSpec {
        var environment = command.environment
        let (taskID, frameworkID) = (task.key.task.rawValue, task.key.framework.rawValue)
        let agentID = self.identity?.rawValue ?? ""
        environment.reserveCapacity(environment.count + 6)
        environment["MESETA_TASK_ID"] = taskID
        environment["MESETA_FRAMEWORK_ID"] = frameworkID
        environment["MESETA_AGENT_ID"] = agentID
        environment["MESOS_TASK_ID"] = taskID
        environment["MESOS_FRAMEWORK_ID"] = frameworkID
        environment["MESOS_SLAVE_ID"] = agentID
        return ContainerSpec(
            runID: task.acceptance.runID, frameworkID: task.key.framework, taskID: task.key.task, command: command,
            environment: environment, resources: info.resources, user: self.user(of: command, task.key.framework),
            container: info.container, sandbox: SandboxPath.of(command: task.key, run: task.acceptance.runID))
    }

    /// The container of an executor.
    func container(of executor: ExecutorEntry, _ command: CommandInfo) -> ContainerSpec {
        var environment = command.environment
        let grace = executor.info.shutdownGracePeriod ?? self.settings.executorShutdownGracePeriod
        let own = [
            "FRAMEWORK_ID": executor.key.framework.rawValue, "EXECUTOR_ID": executor.key.executor.rawValue,
            "AGENT_ENDPOINT": self.settings.executorEndpoint,
        ]
        for (name, value) in own {
            environment["MESETA_" + name] = value
            environment["MESOS_" + name] = value
        }
        environment["MESETA_EXECUTOR_TOKEN"] = executor.acceptance.token
        environment["MESETA_AGENT_ID"] = self.identity?.rawValue ?? ""
        environment["MESOS_SLAVE_ID"] = self.identity?.rawValue ?? ""
        environment["MESOS_CHECKPOINT"] = "1"
        environment["MESOS_RECOVERY_TIMEOUT"] = "15mins"
        environment["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = "1secs"
        environment["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = "\(grace.nanoseconds)ns"
        return ContainerSpec(
            runID: executor.runID, frameworkID: executor.key.framework, executorID: executor.key.executor,
            command: command, environment: environment, resources: executor.limits,
            user: self.user(of: command, executor.key.framework), container: executor.info.container,
            sandbox: SandboxPath.of(executor: executor.key, run: executor.runID))
    }

    private func user(of command: CommandInfo, _ framework: FrameworkID) -> String? {
        let user = command.user ?? self.frameworks[framework]?.info?.user
        return user.flatMap { $0.isEmpty ? nil : $0 }
    }
}
