internal import Model

/// What a framework's schedulers keep where all of them find it, and their deaths do not reach.
final class FrameworkMemory {
    /// As it is called.
    let name: String
    /// How many tasks it wants to have finished.
    var wanted: Int
    var frameworkID: FrameworkID?
    var launched = 0
    /// The last state of each task it was told.
    private(set) var tasks: [TaskID: TaskState] = [:]
    private(set) var finished = 0
    /// Tasks that are not over.
    private(set) var outstanding = 0
    var lastSequence: [TaskID: StatusSequence] = [:]
    /// Tasks that are over by a guess, and which life of a scheduler heard so; below zero: it was that scheduler's guess.
    var presumed: [TaskID: Int] = [:]
    var firstStart: Instant?
    var lastWanting: Instant?
    var guaranteeMet: Duration?
    /// The scheduler that was active last.
    var active: Int?

    init(name: String, wanted: Int) {
        self.name = name
        self.wanted = wanted
    }

    func set(_ state: TaskState, of task: TaskID) {
        let before = self.tasks.updateValue(state, forKey: task)
        self.finished += (state == .finished ? 1 : 0) - (before == .finished ? 1 : 0)
        self.outstanding += (state.isTerminal ? 0 : 1) - (before.map { $0.isTerminal ? 0 : 1 } ?? 0)
    }
}
