internal import ChaosCore
internal import Foundation
internal import LocalZooKeeper
internal import Model
internal import ChaosProxy

/// The processes that faults are done to, and how each fault is done and undone.
///
/// Used by one thread at a time.
final class ChaosCluster {
    /// What is to be there.
    struct Plan {
        var counts: [ChaosRole: Int]
        var directory: String
        /// What will be done, so that it can be prepared.
        var kinds: Set<FaultKind>
        var resources: String
        /// Tasks that each framework launches a second.
        var rate: Double
        /// Where a cluster runs that somebody else started and keeps; nil: one of its own is started.
        var attachedTo: String?
    }

    private let plan: Plan
    /// Nil: the cluster is somebody else's.
    private let processes: ClusterProcesses?
    private let zooKeeper: ZooKeeperEnsemble?
    private let partitions: Partitions?
    private let disks: SmallDisks?
    private var frameworks: [ChildProcess] = []
    private var proxies: [ChaosTarget: ToxicProxy] = [:]
    /// Who is dead because a fault killed it.
    private var killed: Set<ChaosTarget> = []

    /// Prepares; `start` begins.
    ///
    /// - Throws: `Complaint` if this machine cannot do one of the faults.
    init(_ plan: Plan) throws {
        self.plan = plan
        if plan.attachedTo != nil, let kind = plan.kinds.first(where: { ![.kill, .freeze].contains($0) }) {
            throw Complaint("\(kind.rawValue) has to be prepared when processes start: leave --cluster out")
        }
        let partitions = plan.kinds.contains(.partition) ? try Partitions() : nil
        self.partitions = partitions
        let launcher: (String) -> [String] = { partitions?.launcher($0) ?? [] }
        let servers = plan.counts[.zooKeeper] ?? 0
        self.zooKeeper =
            try servers == 0
            ? nil
            : ZooKeeperEnsemble(
                count: servers, folder: URL(fileURLWithPath: "\(plan.directory)/zookeeper"),
                launcher: { launcher("zookeeper-\($0 + 1)") })
        self.disks =
            try plan.kinds.contains(.fullDisk)
            ? SmallDisks(
                (1...(plan.counts[.agent] ?? 1)).map { "\(plan.directory)/agent-\($0)" }) : nil
        var members = ClusterPlan(directory: plan.directory)
        members.masters = plan.counts[.master] ?? 1
        members.allocators = plan.counts[.allocator] ?? 1
        members.relays = plan.counts[.relay] ?? 1
        members.agents = plan.counts[.agent] ?? 1
        members.resources = plan.resources
        members.launcher = launcher
        let isProxied = plan.kinds.contains(where: \.isToxic)
        if isProxied { members.advertise = ToxicProxy.host }
        if let zooKeeper = self.zooKeeper {
            let servers =
                isProxied
                ? zooKeeper.connectString.replacing("127.0.0.1", with: ToxicProxy.host) : zooKeeper.connectString
            members.election = "zk://\(servers)/meseta"
        }
        try members.check()
        self.processes =
            plan.attachedTo != nil
            ? nil
            : ClusterProcesses(plan: members, say: { _ in }) {
                if StopSignals.isRequested { throw Complaint("ended while starting") }
            }
    }

    /// What schedulers and operators dial.
    var master: String { self.file?.masterAddress ?? "" }

    /// As it is now: who keeps a cluster starts its members again.
    private var file: ClusterFile? { self.plan.attachedTo.flatMap(ClusterFile.read(from:)) ?? self.processes?.file }

    /// Starts everything and waits until it is ready.
    func start() throws {
        try self.zooKeeper?.start()
        if self.plan.kinds.contains(where: \.isToxic), let zooKeeper {
            for (index, server) in zooKeeper.connectString.split(separator: ",").enumerated() {
                try self.proxy(ChaosTarget(.zooKeeper, index + 1), String(server))
            }
        }
        // A relay or an agent is started when what it dials has its proxy, or has none yet and is dialled again.
        try self.processes?.start()
        if self.plan.kinds.contains(where: \.isToxic) {
            for member in self.file?.members ?? [] where ["master", "relay"].contains(member.role) {
                guard let target = ChaosTarget(member.name) else { continue }
                try self.proxy(target, member.address.replacing(ToxicProxy.host, with: "127.0.0.1"))
            }
        }
        try FileManager.default.createDirectory(
            atPath: "\(self.plan.directory)/workload/marks", withIntermediateDirectories: true)
        for number in 0..<(self.plan.counts[.framework] ?? 0) {
            self.frameworks.append(try self.startFramework(number + 1))
        }
    }

    private func proxy(_ target: ChaosTarget, _ address: String) throws {
        guard let port = address.split(separator: ":").last.flatMap({ Int($0) }) else { return }
        self.proxies[target] = try ToxicProxy(port: port)
    }

    private func startFramework(_ number: Int) throws -> ChildProcess {
        try ChildProcess.start(
            ClusterProcesses.executable("meseta"),
            [
                "chaos-framework", "--name", "framework-\(number)", "--dir", "\(self.plan.directory)/workload",
                "--rate",
                "\(self.plan.rate)", "--master", self.master,
            ], log: "\(self.plan.directory)/logs/framework-\(number).log")
    }

    private func process(_ target: ChaosTarget) -> ChildProcess? {
        switch target.role {
        case .framework: self.frameworks[target.number - 1]
        case .zooKeeper: self.zooKeeper?.pid(target.number - 1).map { ChildProcess(running: $0) }
        case .master, .allocator, .relay, .agent: self.file?.members.first { $0.name == "\(target)" }?.process
        }
    }

    /// The process of a target; of a cluster that another keeper keeps, once that has started it again.
    private func living(_ target: ChaosTarget) -> ChildProcess? {
        let deadline = Date().addingTimeInterval(self.plan.attachedTo == nil ? 0 : 10)
        while true {
            if let process = self.process(target), process.isAlive { return process }
            if Date() >= deadline { return nil }
            usleep(50_000)
        }
    }

    /// Begins a fault.
    ///
    /// - Throws: `Complaint` if its target is not there, or it cannot be done.
    func begin(_ fault: Fault, _ chance: inout SeededGenerator) throws {
        guard let process = self.living(fault.target) else {
            throw Complaint("\(fault.kind.rawValue) of \(fault.target): it does not run")
        }
        switch fault.kind {
        case .kill:
            self.killed.insert(fault.target)
            if fault.target.role == .zooKeeper { return self.zooKeeper?.kill(fault.target.number - 1) ?? () }
            process.signal(SIGKILL)
            if !process.waitUntilGone(seconds: 5) { throw Complaint("\(fault.target) is not gone 5 s after SIGKILL") }
        case .freeze: process.signal(SIGSTOP)
        case .partition: try self.partitions?.cut("\(fault.target)")
        case .fullDisk: try self.disks?.fill(fault.target.number - 1)
        case .latency, .bandwidth, .slowClose, .timeout, .resetPeer, .slicer, .limitData:
            guard let proxy = self.proxies[fault.target] else { throw Complaint("\(fault.target) has no proxy") }
            proxy.add(
                ActiveToxic(
                    Toxic.drawn(fault.kind, &chance),
                    streams: [[.upstream], [.downstream], [.upstream, .downstream]].randomElement(using: &chance) ?? [],
                    toxicity: [0.5, 1].randomElement(using: &chance) ?? 1))
        }
    }

    /// Ends a fault.
    func end(_ fault: Fault) throws {
        switch fault.kind {
        case .kill:
            self.killed.remove(fault.target)
            try self.startAgain(fault.target)
        case .freeze: self.process(fault.target)?.signal(SIGCONT)
        case .partition: try self.partitions?.heal("\(fault.target)")
        case .fullDisk: self.disks?.empty(fault.target.number - 1)
        case .latency, .bandwidth, .slowClose, .timeout, .resetPeer, .slicer, .limitData:
            self.proxies[fault.target]?.heal()
        }
    }

    private func startAgain(_ target: ChaosTarget) throws {
        // Who was killed is no zombie for the rest of the run; the ensemble sees to its servers.
        if target.role != .zooKeeper { self.process(target)?.reap() }
        switch target.role {
        case .framework: self.frameworks[target.number - 1] = try self.startFramework(target.number)
        case .zooKeeper: try self.zooKeeper?.start(target.number - 1)
        case .master, .allocator, .relay, .agent:
            guard let processes, let index = processes.file.members.firstIndex(where: { $0.name == "\(target)" })
            else { return }  // Its keeper does.
            try processes.restart(index)
        }
    }

    /// Starts again who ended though nobody killed it.
    ///
    /// - Returns: A sentence for each.
    func startAgainWhoEnded() throws -> [String] {
        var ended: [String] = []
        for (role, count) in self.plan.counts where self.processes != nil || role == .framework {
            for number in 0..<count {
                let target = ChaosTarget(role, number + 1)
                guard !self.killed.contains(target), self.process(target)?.isAlive != true else { continue }
                ended.append("\(target) ended by itself; see \(self.plan.directory)/logs")
                if role == .zooKeeper { self.zooKeeper?.kill(number) }
                try self.startAgain(target)
            }
        }
        return ended.sorted()
    }

    /// Takes all back: nobody is frozen, nothing is full, nothing stands between; then ends all that was started.
    func stop() {
        for (role, count) in self.plan.counts {
            for number in 0..<count { self.process(ChaosTarget(role, number + 1))?.signal(SIGCONT) }
        }
        for proxy in self.proxies.values { proxy.heal() }
        // A supervisor ends when it has written down how its tasks ended: that needs room.
        self.disks?.emptyAll()
        self.partitions?.healAll()
        for framework in self.frameworks { framework.signal(SIGKILL) }
        for framework in self.frameworks { _ = framework.waitUntilGone(seconds: 5) }
        self.processes?.end()
        for proxy in self.proxies.values { proxy.close() }
        self.zooKeeper?.stop()
        self.disks?.remove()
        self.partitions?.remove()
    }
}
