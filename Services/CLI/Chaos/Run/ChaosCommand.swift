internal import ArgumentParser
internal import ChaosCore
internal import Foundation
internal import Model

/// `meseta chaos`: shows that nothing is lost, whatever is done to the processes of a cluster.
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Do harm to a cluster of real processes while tasks run, and judge what comes of it.",
        discussion: """
            Starts a cluster on this machine with a real ZooKeeper, and frameworks in processes of their own that launch short \
            tasks: commands and, one in four, tasks of an executor; one in ten is killed. Each task leaves a mark on disk when it starts and when it ends. Faults are drawn from a seed, or read from a \
            file. At the end everything is healed, and within 60 s every agent is to be registered and every task to have its \
            end; then marks and the schedulers' journals are compared.

            FAULTS
              kill         kill -9, and a start 0.1 to 3 s later
              freeze       SIGSTOP, and SIGCONT 0.5 to 8 s later
              partition    not a packet from or to it, 1 to 8 s; needs root, iptables and control groups
              full-disk    no room where an agent works, 1 to 5 s; needs root
              latency, bandwidth, slow-close, timeout, reset-peer, slicer, limit-data
                           what toxiproxy calls so, in front of masters, relays and ZooKeeper servers, 1 to 6 s

            TARGETS
              master, allocator, relay, agent, zookeeper, framework; of ZooKeeper a majority is always left alone

            SCHEDULE FILE (YAML or JSON; seconds)
              - {at: 2.5, for: 1, fault: kill, target: master-1}
              - {at: 4, for: 3, fault: freeze, target: relay-2}

            EXIT CODES
              0    all promises were kept
              1    one was not, or a fault could not be done; standard output or standard error says which
              64   the command line is wrong

            EXAMPLES
              meseta chaos --duration 60 --seed 7
              meseta chaos --duration 1800 --faults kill=2s --frameworks 20 --html chaos.html
              meseta chaos --faults kill=5s,freeze=10s,partition=15s,reset-peer=8s --targets master,relay
              meseta chaos --cluster ~/.local/state/meseta/default --no-workload     # your own frameworks
            """)

    @Option(help: "Masters.") var masters = 2
    @Option(help: "Allocators.") var allocators = 2
    @Option(help: "Relays.") var relays = 2
    @Option(help: "Agents.") var agents = 4
    @Option(help: "ZooKeeper servers; 0 for none, with one master.") var zookeepers = 3
    @Option(help: "Frameworks of the checking workload.") var frameworks = 4
    @Option(help: "Tasks that each framework launches a second.") var rate = 2.0
    @Option(help: "What each agent offers.") var resources = "cpus:8;mem:2048"
    @Option(help: "Kinds of faults, each with the mean time between two of it.") var faults = "kill=2s"
    @Option(help: "Roles that faults are done to (default: all that there are).") var targets: String?
    @Option(help: "A file that says which faults are done when, instead of --faults, --targets and --seed.")
    var schedule: String?
    @Option(help: "What chance is drawn from.") var seed: UInt64 = 1
    @Option(help: "Seconds that faults go on.") var duration = 60.0
    @Option(help: "A running cluster's directory, as 'meseta up' has it; its keeper starts again what is killed.")
    var cluster: String?
    @Flag(help: "Launch no tasks: only agents are checked.") var noWorkload = false
    @Option(help: "Write the report to this file, as JSON.") var json: String?
    @Option(help: "Write the report to this file, as a page with a time line.") var html: String?
    @Option(help: "Work in this directory, and keep it (default: one that is removed if all promises were kept).")
    var dir: String?

    func validate() throws {
        guard [self.masters, self.allocators, self.relays, self.agents].allSatisfy({ $0 > 0 }), self.zookeepers >= 0,
            self.duration >= 1, self.rate > 0, self.frameworks > 0
        else { throw ValidationError("there is at least one of each role, --duration is from 1, and --rate above 0") }
        if self.zookeepers == 0, self.masters > 1, self.cluster == nil {
            throw ValidationError("several masters need an election: write --masters 1 with --zookeepers 0")
        }
    }

    func run() async throws {
        StopSignals.listen()
        let counts = try self.counts()
        let schedule: FaultSchedule
        do { schedule = try self.makeSchedule(counts) } catch let problem as FaultSchedule.Problem {
            throw Complaint("\(problem)")
        }
        let directory = self.dir.map(Up.absolute) ?? "\(NSTemporaryDirectory())meseta-chaos-\(UUID().uuidString)"
        if access("\(directory)/workload", F_OK) == 0 {
            throw Complaint("\(directory) holds an earlier run: remove it, or give another --dir")
        }
        try FileManager.default.createDirectory(atPath: "\(directory)/logs", withIntermediateDirectories: true)
        let cluster = try ChaosCluster(
            .init(
                counts: counts, directory: directory, kinds: Set(schedule.faults.map(\.kind)),
                resources: self.resources, rate: self.rate, attachedTo: self.cluster.map(Up.absolute)))
        let report: ChaosReport
        do {
            defer { cluster.stop() }
            print("starting; files are in \(directory)", to: &standardError)
            try cluster.start()
            var options = ClusterOptions()
            (options.master, options.secretFile) = (cluster.master, nil)
            report = try await ChaosRun(
                cluster: cluster, schedule: schedule, duration: self.duration, seed: self.seed, directory: directory,
                frameworks: counts[.framework] ?? 0, agents: counts[.agent] ?? 0, options: options,
                say: { print($0, to: &standardError) }
            ).run()
        }
        try self.tell(report)
        if report.verdict.breaches.isEmpty, self.dir == nil { try? FileManager.default.removeItem(atPath: directory) }
        if !report.verdict.breaches.isEmpty { throw ExitCode(1) }
    }

    private func counts() throws -> [ChaosRole: Int] {
        var counts: [ChaosRole: Int] = [
            .master: self.masters, .allocator: self.allocators, .relay: self.relays, .agent: self.agents,
            .zooKeeper: self.zookeepers,
        ]
        if let cluster {
            guard let file = ClusterFile.read(from: Up.absolute(cluster)), file.keeper.isAlive else {
                throw Complaint("no cluster is up in \(cluster); 'meseta up --dir \(cluster)' starts one")
            }
            for role in ChaosRole.allCases { counts[role] = file.members.count { $0.role == role.rawValue } }
        }
        counts[.framework] = self.noWorkload ? 0 : self.frameworks
        return counts
    }

    private func makeSchedule(_ counts: [ChaosRole: Int]) throws -> FaultSchedule {
        if let schedule {
            guard let text = try? String(contentsOfFile: schedule, encoding: .utf8) else {
                throw Complaint("\(schedule) cannot be read")
            }
            return try FaultSchedule(try ScheduleFile.faults(in: text, named: schedule), counts: counts)
        }
        var settings = FaultSchedule.Settings(seed: self.seed, duration: .seconds(self.duration))
        settings.counts = counts
        settings.intervals = try ScheduleFile.intervals(self.faults)
        settings.roles = Set(counts.filter { $0.value > 0 }.keys)
        if let targets { settings.roles = try ScheduleFile.roles(targets) }
        return try FaultSchedule.drawn(from: settings)
    }

    private func tell(_ report: ChaosReport) throws {
        for breach in report.verdict.breaches { print("BREACH: \(breach)") }
        let width = report.rows.map(\.name.count).max() ?? 0
        for (name, value) in report.rows {
            print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value)
        }
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(report).write(to: URL(fileURLWithPath: json))
        }
        if let html { try report.page.write(toFile: html, atomically: true, encoding: .utf8) }
    }
}
