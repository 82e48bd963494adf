import Foundation
import MesetaSDK

/// Fills whatever it is offered with tasks that wait, and notes when it is back after a master's death.
actor LoadScheduler: Scheduler {
    /// Moments in seconds since 1970; nil: not yet.
    struct Moments: Sendable {
        /// Registered with the new leader.
        var registered: Double?
        /// The first offer of the new leader is there.
        var offered: Double?
        /// The first task launched on such an offer runs.
        var running: Double?
    }

    private let resources: Resources
    private let command: CommandInfo
    private var moments = Moments()
    /// Of the new leader, until one of them runs.
    private var awaited: Set<TaskID> = []
    /// Launched, and not known to have ended.
    private var open: Set<TaskID> = []
    private var runningTasks: Set<TaskID> = []
    private var isDraining = false
    private(set) var account = TaskAccount()

    /// - Parameter command: As the emulator reads it.
    init(resources: Resources, command: String) {
        self.resources = resources
        self.command = CommandInfo(shell: command)
    }

    /// Tasks that run.
    var running: Int { self.runningTasks.count }

    /// Tasks that have not ended, after the last of which nothing is launched.
    func drain() -> Int {
        self.isDraining = true
        return self.open.count
    }

    /// The leader is about to be killed: forgets what was.
    func expectDeath() {
        self.moments = Moments()
        self.awaited = []
    }

    func seen() -> Moments { self.moments }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) { self.isRegistered() }

    func reregistered(_ driver: SchedulerDriver, _ master: MasterInfo) { self.isRegistered() }

    private func isRegistered() {
        if self.moments.registered == nil { self.moments.registered = Date().timeIntervalSince1970 }
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        // What the dead leader offered is of no use.
        let isNew = self.moments.registered != nil
        if isNew, self.moments.offered == nil { self.moments.offered = Date().timeIntervalSince1970 }
        if self.isDraining { return driver.declineOffers(offers) }
        for offer in offers {
            var free = offer.resources, tasks: [TaskInfo] = []
            while free.contains(self.resources) {
                free -= self.resources
                self.account.launched += 1
                var task = TaskInfo(TaskID("t\(self.account.launched)"), on: offer, resources: self.resources)
                task.command = self.command
                tasks.append(task)
                self.open.insert(task.taskID)
                if isNew, self.moments.running == nil { self.awaited.insert(task.taskID) }
            }
            driver.launchTasks(tasks, on: [offer])
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        if status.state == .running {
            self.runningTasks.insert(status.taskID)
            if self.moments.running == nil, self.awaited.contains(status.taskID) {
                self.moments.running = Date().timeIntervalSince1970
            }
        } else if status.state.isTerminal, self.open.remove(status.taskID) != nil {
            let hasRun = self.runningTasks.remove(status.taskID) != nil
            if status.state == .finished {
                self.account.finished += 1
            } else if !hasRun, status.state == .lost || status.state == .dropped {
                self.account.neverStarted += 1
            } else {
                self.account.failures.append("\(status.taskID): \(status.state.name) \(status.message ?? "")")
            }
        }
    }
}

/// What became of tasks.
struct TaskAccount: Sendable {
    var launched = 0
    var finished = 0
    /// On an offer of a master that died: it is said that they never started.
    var neverStarted = 0
    /// Those that ended otherwise, with why.
    var failures: [String] = []
}
