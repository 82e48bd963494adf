internal import Foundation
internal import Frames
internal import MesetaSDK
internal import NIOCore

/// The scheduler of `meseta run`: launches the instances as offers come, follows what they print, and remembers how they ended.
actor RunScheduler: Scheduler {
    struct Plan {
        var command: CommandInfo
        var container: ContainerInfo?
        var resources: Resources
        var instances: Int
        var group: any EventLoopGroup
        /// The cluster's, if it has one: lets the outputs be read.
        var secret: Secret?
    }

    private struct Instance {
        var hostname: String
        var sidePort: Int
        var output: Task<Void, Never>?
    }

    private let plan: Plan
    private var framework: FrameworkID?
    /// Distinguishes the tasks of this run from those of others that have the same name.
    private let prefix = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    private var launched = 0
    /// Instances to launch: those that never were, and those that were lost before they ran.
    private var wanted: Int
    private var live: [TaskID: Instance] = [:]
    private var outputs: [Task<Void, Never>] = []
    private var ended = 0
    private var firstFailure: Int32?
    private var interrupt: Int32?

    init(_ plan: Plan) {
        self.plan = plan
        self.wanted = plan.instances
    }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.framework = framework
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            var tasks: [TaskInfo] = []
            var rest = offer.resources
            while self.wanted > 0, self.interrupt == nil, rest.contains(self.plan.resources) {
                rest -= self.plan.resources
                self.wanted -= 1
                self.launched += 1
                let id = TaskID("\(self.prefix)-\(self.launched)")
                var task = TaskInfo(id, on: offer, resources: self.plan.resources, name: self.plan.command.value)
                task.command = self.plan.command
                task.container = self.plan.container
                tasks.append(task)
                self.live[id] = Instance(hostname: offer.hostname, sidePort: Int(offer.sidePort))
            }
            if tasks.isEmpty {
                driver.declineOffers([offer], for: self.wanted > 0 ? OfferFilters.defaultRefusal : .seconds(3600))
            } else {
                driver.launchTasks(tasks, on: [offer])
            }
        }
        if self.wanted == 0 { driver.suppressOffers() }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) async {
        guard var instance = self.live[status.taskID] else { return }
        if instance.output == nil, status.state == .running || Self.hasRun(status) {
            let output = self.follow(status.taskID, instance)
            instance.output = output
            self.outputs.append(output)
            self.live[status.taskID] = instance
        }
        guard status.state.isTerminal else { return }
        self.live[status.taskID] = nil
        if instance.output == nil, self.interrupt == nil, Self.neverRan(status) {
            self.wanted += 1
            driver.reviveOffers()
            return
        }
        self.ended += 1
        let code = Self.exitCode(status)
        if code != 0 {
            if self.firstFailure == nil { self.firstFailure = code }
            if self.interrupt == nil {
                print(
                    "meseta: task \(status.taskID) \(status.state.name): \(status.message ?? "no reason given")",
                    to: &standardError)
            }
        }
        if self.live.isEmpty, self.wanted == 0 || self.interrupt != nil { driver.stop() }
    }

    func error(_ driver: SchedulerDriver, _ message: String) { print("meseta: \(message)", to: &standardError) }

    /// Kills what runs; a second signal does not wait for it.
    func interrupted(by number: Int32, _ driver: SchedulerDriver) {
        guard self.interrupt == nil, !self.live.isEmpty else {
            self.interrupt = number
            driver.stop()
            return
        }
        self.interrupt = number
        for task in self.live.keys.sorted() { driver.killTask(task) }
    }

    /// The command's exit code, once everything that was printed has been shown.
    func exitCode() async -> Int32 {
        if let interrupt { return 128 + interrupt }
        for output in self.outputs { await output.value }
        return self.firstFailure ?? 0
    }

    /// Whether this says that the task never started, so that another instance may take its place.
    ///
    /// An agent that is merely out of reach does not say so: its task may run on.
    private static func neverRan(_ status: TaskStatus) -> Bool {
        switch status.state {
        case .dropped: true
        case .lost, .gone: status.reason == .reconciliation  // Its agent is there and has never heard of it.
        default: false
        }
    }

    /// Whether there is output to wait for; none of a task whose program was never executed.
    private static func hasRun(_ status: TaskStatus) -> Bool {
        switch status.state {
        case .finished, .killed: true
        case .failed: status.reason != .containerLaunchFailed
        default: false
        }
    }

    /// What the command exited with; 1 for a task that ended in another way than its command did.
    private static func exitCode(_ status: TaskStatus) -> Int32 {
        if status.state == .finished { return 0 }
        return status.exitCode.flatMap { $0 == 0 ? nil : $0 } ?? 1
    }

    /// Copies a task's standard output and standard error to ours, as they grow.
    private func follow(_ task: TaskID, _ instance: Instance) -> Task<Void, Never> {
        guard let framework, instance.sidePort > 0 else { return Task {} }
        let group = self.plan.group, token = SandboxAccess.token(for: framework.rawValue, self.plan.secret)
        func reader(_ file: String) -> SandboxReader {
            SandboxReader(
                host: instance.hostname, port: instance.sidePort,
                path: "/sandbox/\(Self.escaped(framework.rawValue))/\(Self.escaped(task.rawValue))/\(file)",
                group: group, token: token)
        }
        let (output, errors) = (reader("stdout"), reader("stderr"))
        return Task {
            async let first: Void = Self.copy(output, to: .standardOutput)
            async let second: Void = Self.copy(errors, to: .standardError)
            _ = await (first, second)
        }
    }

    private static func copy(_ reader: SandboxReader, to handle: FileHandle) async {
        do {
            try await reader.read { bytes in try handle.write(contentsOf: Data(bytes.readableBytesView)) }
        } catch {
            print("meseta: \(error)", to: &standardError)
        }
    }

    private static func escaped(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-_.")))
            ?? name
    }
}
