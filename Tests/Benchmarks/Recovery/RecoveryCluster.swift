import EmulatedCluster
import Foundation
import MesetaSDK
import TestSupport

/// A cluster of real services and ZooKeeper, emulated agents, and schedulers that keep it full.
final class RecoveryCluster {
    /// How large it is.
    struct Size {
        var agents: Int
        var frameworks: Int
        var masters: Int
        var allocators: Int
        var relays: Int
        /// As the emulator reads it.
        var command: String
    }

    let fleet: EmulatorFleet
    let schedulers: [LoadScheduler]
    private let zooKeeper: ZooKeeperEnsemble
    private let live: UpCluster
    private let drivers: [SchedulerDriver]
    private let size: Size

    /// What a task needs: two fit on an agent.
    private static let slot: Resources = "cpus:1;mem:512"

    /// - Parameter takeover: As `meseta-master --takeover` takes it.
    init(_ size: Size, takeover: String, programs: URL) throws {
        self.size = size
        self.zooKeeper = try ZooKeeperEnsemble(tickMilliseconds: 2000)
        try self.zooKeeper.start()
        let election = "zk://\(self.zooKeeper.connectString)/meseta"
        self.live = try UpCluster(named: "recovery", programs: programs, environment: ["MESETA_TAKEOVER": takeover]) {
            _ in
            [
                "--agents", "0", "--masters", "\(size.masters)", "--allocators", "\(size.allocators)", "--relays",
                "\(size.relays)", "--election", election, "--restart-delay", "2",
            ]
        }
        self.fleet = try EmulatorFleet(
            agents: size.agents, relays: self.live.members(.relay).map(\.address), resources: "cpus:2;mem:1024",
            programs: programs)
        self.schedulers = (0..<size.frameworks).map { _ in
            LoadScheduler(resources: Self.slot, command: size.command)
        }
        self.drivers = self.schedulers.enumerated().map { index, scheduler in
            SchedulerDriver(
                framework: FrameworkInfo("load-\(index + 1)", failoverTimeout: .seconds(120)), master: election,
                scheduler: scheduler)
        }
        for driver in self.drivers { Task { try await driver.run() } }
    }

    /// Waits until every agent is registered and nine tenths of the slots are in use.
    func fill() async throws {
        try await self.wait(seconds: 180, for: "all agents registered and at work") {
            guard self.fleet.registered(after: 0) != nil else { return false }
            var running = 0
            for scheduler in self.schedulers { running += await scheduler.running }
            return running * 10 >= self.size.agents * 2 * 9
        }
    }

    /// Kills the leader, waits until all is as before under another, and says when what happened.
    func killLeader() async throws -> RecoveryTimes {
        for scheduler in self.schedulers { await scheduler.expectDeath() }
        let leader = try self.leader()
        guard let pid = leader.process?.pid else { throw TestFailure("\(leader.name) does not run") }
        let killed = Date().timeIntervalSince1970
        kill(pid, SIGKILL)
        var times: RecoveryTimes?
        try await self.wait(seconds: 60, for: "recovered after the death of \(leader.name)") {
            times = try await self.times(since: killed, without: leader)
            return times != nil
        }
        try await self.wait(seconds: 60, for: "\(leader.name) stands by again") {
            let again = self.live.present.first { $0.name == leader.name }?.process?.pid
            return again != nil && again != pid && leader.isReady
        }
        return times!
    }

    /// Launches nothing more, waits until every task is known to have ended, and says how.
    ///
    /// - Parameter seconds: How long that may take.
    func drain(within seconds: Double) async throws -> TaskAccount {
        try await self.wait(seconds: seconds, for: "every task known to have ended") {
            var open = 0
            for scheduler in self.schedulers { open += await scheduler.drain() }
            return open == 0
        }
        var all = TaskAccount()
        for scheduler in self.schedulers {
            let account = await scheduler.account
            all.launched += account.launched
            all.finished += account.finished
            all.neverStarted += account.neverStarted
            all.failures += account.failures
        }
        return all
    }

    private func times(since killed: Double, without dead: UpCluster.Member) async throws -> RecoveryTimes? {
        guard let agents = self.fleet.registered(after: killed) else { return nil }
        var registered = 0.0, offered = Double.infinity, running = Double.infinity
        for scheduler in self.schedulers {
            let moments = await scheduler.seen()
            guard let moment = moments.registered else { return nil }
            registered = max(registered, moment)
            offered = min(offered, moments.offered ?? .infinity)
            running = min(running, moments.running ?? .infinity)
        }
        guard running < .infinity else { return nil }
        let others = self.live.members(.master).filter { $0.name != dead.name }
        let elected = others.flatMap { $0.moments(of: "Leading epoch=", after: killed) }.min()
        let synced = others.flatMap { $0.moments(of: "Relay has told its agents", after: killed) }
        guard let elected, let told = synced.max(), synced.count >= self.size.relays else { return nil }
        return RecoveryTimes(
            elected: elected - killed, relays: told - killed, firstAgent: agents.first - killed,
            agents: agents.last - killed, frameworks: registered - killed, offer: offered - killed,
            task: running - killed)
    }

    private func leader() throws -> UpCluster.Member {
        guard let leader = self.live.present.first(where: { $0.role == "master" && $0.isLeading }) else {
            throw TestFailure("no master leads; logs are in \(self.live.directory.path)/logs")
        }
        return leader
    }

    private func wait(seconds: Double, for what: String, until: () async throws -> Bool) async throws {
        let deadline = Date().addingTimeInterval(seconds)
        while try await !until() {
            guard Date() < deadline, self.fleet.isRunning else {
                throw TestFailure("not within \(seconds) s: \(what); logs are in \(self.live.directory.path)/logs")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func stop(keepingFiles: Bool = false) {
        for driver in self.drivers { driver.stop() }
        self.fleet.stop()
        self.live.stop(keepingFiles: keepingFiles)
        self.zooKeeper.stop()
    }
}

extension UpCluster.Member {
    private func ask(_ path: String) -> String {
        self.sidePort.map { FreePorts.ask("GET \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", port: $0) }
            ?? ""
    }

    fileprivate var isLeading: Bool { self.ask("/metrics").contains("\nmeseta_master_leading 1") }

    fileprivate var isReady: Bool { self.ask("/readyz").contains("200 OK") }

    /// When its log has lines with that text, in seconds since 1970, to the millisecond.
    fileprivate func moments(of text: String, after moment: Double) -> [Double] {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let lines = ((try? String(contentsOfFile: self.log, encoding: .utf8)) ?? "").split(separator: "\n")
        return lines.filter { $0.contains(text) }.compactMap { line in
            try? format.parse(String(line.prefix { $0 != " " })).timeIntervalSince1970
        }.filter { $0 > moment - 0.001 }
    }
}
