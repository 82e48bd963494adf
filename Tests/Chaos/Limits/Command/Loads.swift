import Foundation
import MesetaSDK

/// Runs loads as tasks, each when it is asked to, and tells when they run and how they end.
actor Loads: Scheduler {
    /// A load to run.
    struct Load: Sendable {
        var resources: Resources
        /// Of `limits-load`.
        var arguments: [String]
    }

    /// How a task ended, and when that was heard, in nanoseconds of the monotonic clock.
    struct End: Sendable {
        var status: TaskStatus
        var instant: Int64
    }

    private struct Wish {
        var id: TaskID
        var load: Load
    }

    private let program: String
    private var waiting: [Wish] = []
    private var starts: [TaskID: Int64] = [:]
    private var ends: [TaskID: End] = [:]
    private var counter = 0

    /// - Parameter program: The path of `limits-load`.
    init(program: String) { self.program = program }

    /// Launches a load with the next offer.
    func launch(_ load: Load, with driver: SchedulerDriver) -> TaskID {
        self.counter += 1
        let id = TaskID("\(load.arguments[0])-\(self.counter)")
        self.waiting.append(Wish(id: id, load: load))
        driver.reviveOffers()
        return id
    }

    /// When a task was first heard to run, in nanoseconds of the monotonic clock; nil before.
    func start(of id: TaskID) -> Int64? { self.starts[id] }

    /// How a task ended; nil before.
    func end(of id: TaskID) -> End? { self.ends[id] }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            var free = offer.resources, tasks: [TaskInfo] = []
            while let wish = self.waiting.first, free.contains(wish.load.resources) {
                self.waiting.removeFirst()
                free -= wish.load.resources
                tasks.append(
                    TaskInfo(wish.id, on: offer, resources: wish.load.resources)
                        .command(program: self.program, arguments: wish.load.arguments))
            }
            if tasks.isEmpty {
                driver.declineOffers([offer], for: .zero)
            } else {
                driver.launchTasks(tasks, on: [offer], refusing: .zero)
            }
        }
        if self.waiting.isEmpty { driver.suppressOffers() }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        let instant = Monotonic.now
        if status.state == .running, self.starts[status.taskID] == nil {
            self.starts[status.taskID] = instant
        } else if status.state.isTerminal {
            self.ends[status.taskID] = End(status: status, instant: instant)
        }
    }
}

/// The clock that the loads report by.
enum Monotonic {
    /// In nanoseconds.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// What ends the trial.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
