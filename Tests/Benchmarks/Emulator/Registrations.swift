import Foundation
import Model
import Synchronization

/// Says when every agent of this process is registered with one leader.
///
/// Any thread may use it.
final class Registrations: Sendable {
    /// A line of JSON on standard output.
    private struct Line: Encodable {
        var event = "registered"
        var epoch: String
        var agents: Int
        /// When the first and the last of them heard it, in seconds since 1970.
        var first: Double
        var last: Double
    }

    private struct State {
        var epoch = Epoch.none
        var count = 0
        var first = 0.0
    }

    private let agents: Int
    private let state = Mutex(State())

    init(agents: Int) { self.agents = agents }

    /// An agent is registered under an epoch that is new to it.
    func add(_ epoch: Epoch) {
        let now = Date().timeIntervalSince1970
        let line: Line? = self.state.withLock { state in
            if epoch < state.epoch { return nil }
            if epoch > state.epoch { state = State(epoch: epoch, first: now) }
            state.count += 1
            guard state.count == self.agents else { return nil }
            return Line(epoch: "\(epoch)", agents: self.agents, first: state.first, last: now)
        }
        if let line { Output.write(line) }
    }
}

/// Standard output, of which each line is an object.
enum Output {
    static func write(_ line: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(line) else { return }
        FileHandle.standardOutput.write(data + Data("\n".utf8))
    }
}
