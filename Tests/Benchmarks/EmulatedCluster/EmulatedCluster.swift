public import Foundation
public import TestSupport

/// Real services, and emulated agents in processes of their own.
public final class EmulatedCluster {
    /// How large it is.
    public struct Size: Sendable {
        /// Emulated agents.
        public var agents: Int
        /// Relays; each takes 18,000 agents at most.
        public var relays: Int
        /// What each agent shares out.
        public var resources: String

        /// So many agents with that.
        public init(agents: Int, resources: String) {
            self.agents = agents
            self.relays = EmulatorFleet.relays(for: agents)
            self.resources = resources
        }
    }

    /// A process of it, and what for.
    public typealias Part = (name: String, pid: Int32)

    /// The services.
    public let live: UpCluster
    /// The agents.
    public let fleet: EmulatorFleet

    /// Starts one master without an election, allocators, relays and emulators.
    ///
    /// - Throws: If one of them does not start; those that did have ended then.
    public convenience init(_ size: Size, named name: String, allocators: Int = 1, programs: URL) throws {
        let live = try UpCluster(named: name, programs: programs) { _ in
            [
                "--agents", "0", "--allocators", "\(allocators)", "--relays", "\(size.relays)", "--restart-delay",
                "never", "--log-level", "warning",
            ]
        }
        try self.init(live, size, programs: programs)
    }

    /// Starts emulators for services that run, and takes charge of those.
    ///
    /// - Throws: If one does not start; the services and those that did have ended then.
    private init(_ live: UpCluster, _ size: Size, programs: URL) throws {
        self.live = live
        do {
            self.fleet = try EmulatorFleet(
                agents: size.agents, relays: live.members(.relay).map(\.address), resources: size.resources,
                programs: programs)
        } catch {
            live.stop()
            throw error
        }
    }

    /// Agents that have a master, by their own count.
    public var registered: Int { self.fleet.registered }

    /// Tasks that run, by the agents' count.
    public var running: Int { self.fleet.running }

    /// The processes, by role.
    public var parts: [Part] {
        self.live.members.compactMap { member in member.process.map { (member.role, $0.pid) } }
            + self.fleet.emulators.map { ("emulator", $0.process.pid) }
    }

    /// Waits for something.
    ///
    /// - Throws: `TestFailure` if it does not come in time, or a process has ended.
    public func wait(seconds: Double, for what: String, until: () async throws -> Bool) async throws {
        let deadline = Date().addingTimeInterval(seconds)
        while try await !until() {
            if let dead = self.parts.first(where: { kill($0.pid, 0) != 0 }) {
                throw TestFailure("\(dead.name) has ended:\n\(self.lastLines)")
            }
            guard Date() < deadline else {
                throw TestFailure("not within \(seconds) s: \(what)\n\(self.lastLines)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// The ends of all logs, which may be deleted before somebody reads of a failure.
    private var lastLines: String {
        self.live.members.map { member in
            let log = (try? String(contentsOfFile: member.log, encoding: .utf8)) ?? ""
            return "--- \(member.name)\n" + log.split(separator: "\n").suffix(8).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// The same, to be watched.
    public var watched: [RoleWatch.Part] { self.live.watched(self.parts) }

    /// Ends all of it.
    public func stop(keepingFiles: Bool = false) {
        self.fleet.stop()
        self.live.stop(keepingFiles: keepingFiles)
    }
}
