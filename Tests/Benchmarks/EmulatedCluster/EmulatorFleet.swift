public import Foundation

/// As many `emulator`s as some number of agents needs.
public struct EmulatorFleet: Sendable {
    /// The processes.
    public let emulators: [EmulatorProcess]

    /// Of an emulator, which may open some 20,000 files.
    private static let agentsPerEmulator = 12_500
    /// Names choose relays by chance.
    ///
    /// All connect from one address, which has 28,000 ports to each relay; from half of that on the kernel takes long to find a free one.
    private static let agentsPerRelay = 12_500

    /// How many relays so many agents need; two at least.
    public static func relays(for agents: Int) -> Int {
        max(2, (agents + Self.agentsPerRelay - 1) / Self.agentsPerRelay)
    }

    /// Starts them.
    ///
    /// - Parameters:
    ///   - agents: How many in all.
    ///   - relays: Addresses.
    ///   - resources: What each agent shares out.
    ///   - programs: Where `emulator` is.
    /// - Throws: If one does not start; those that did have ended then.
    public init(agents: Int, relays: [String], resources: String, programs: URL) throws {
        var rest = agents
        var emulators: [EmulatorProcess] = []
        do {
            while rest > 0 {
                let part = min(rest, Self.agentsPerEmulator)
                emulators.append(
                    try EmulatorProcess(
                        programs.appendingPathComponent("emulator"),
                        [
                            "--agents", "\(part)", "--name", "e\(emulators.count + 1)", "--relay",
                            relays.joined(separator: ","), "--resources", resources, "--report", "2",
                        ]))
                rest -= part
            }
        } catch {
            for emulator in emulators { emulator.process.stop() }
            throw error
        }
        self.emulators = emulators
    }

    /// The moments between which all agents were registered with one leader, all after that one; nil if they are not.
    public func registered(after moment: Double) -> (first: Double, last: Double)? {
        let spans = self.emulators.compactMap { $0.registered(after: moment) }
        guard spans.count == self.emulators.count, let first = spans.map(\.first).min(),
            let last = spans.map(\.last).max()
        else { return nil }
        return (first, last)
    }

    /// Agents that have a master, by their own count.
    public var registered: Int { self.emulators.reduce(0) { $0 + ($1.figures?.registered ?? 0) } }

    /// Tasks that run, by the agents' count.
    public var running: Int { self.emulators.reduce(0) { $0 + ($1.figures?.running ?? 0) } }

    /// Resident, for each agent; nil before they said so.
    public var memoryPerAgentBytes: Int? {
        let parts = self.emulators.compactMap { $0.figures?.memoryPerAgentBytes }
        return parts.isEmpty ? nil : parts.reduce(0, +) / parts.count
    }

    /// Whether none has ended.
    public var isRunning: Bool { self.emulators.allSatisfy { $0.process.isRunning } }

    /// Ends them.
    public func stop() { for emulator in self.emulators { emulator.process.stop() } }
}
