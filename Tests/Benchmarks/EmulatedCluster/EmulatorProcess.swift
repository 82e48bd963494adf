public import Foundation
public import TestSupport

/// An `emulator` and what it says.
public struct EmulatorProcess: Sendable {
    /// A line of it, of either kind.
    public struct Line: Decodable, Sendable {
        /// `registered` or `figures`.
        public var event: String
        /// How many it emulates.
        public var agents: Int
        /// When all are registered with a leader: its number.
        public var epoch: String?
        /// When the first was, in seconds since 1970.
        public var first: Double?
        /// When the last was, in seconds since 1970.
        public var last: Double?
        /// Tasks that run.
        public var running: Int?
        /// Agents that are registered.
        public var registered: Int?
        /// Resident, for each agent.
        public var memoryPerAgentBytes: Int?
    }

    /// The program.
    public let process: LineProcess<Line>

    /// Starts it.
    public init(_ program: URL, _ arguments: [String]) throws { self.process = try LineProcess(program, arguments) }

    /// The moments between which all agents were registered with one leader, all after that one.
    public func registered(after moment: Double) -> (first: Double, last: Double)? {
        let line = self.process.lines.first { $0.event == "registered" && $0.first ?? 0 > moment }
        if let first = line?.first, let last = line?.last { return (first, last) }
        return nil
    }

    /// The latest figures.
    public var figures: Line? { self.process.lines.last { $0.event == "figures" } }
}
