import Model

extension AgentState {
    /// What must hold after every event; empty if it does.
    ///
    /// For tests and the simulator.
    ///
    /// - Complexity: O(tasks + executors).
    public func checkInvariants() -> [String] {
        self.brokenBooks() + self.brokenTasks() + self.brokenExecutors() + self.brokenIndexes()
    }

    private func brokenBooks() -> [String] {
        var broken: [String] = []
        var sum = Resources()
        for task in self.tasks.values where task.isLive { sum += task.resources }
        for run in self.executorRuns.values { sum += self.executors[run]?.info.resources ?? .init() }
        if sum != self.used { broken.append("used is \(self.used), live tasks and executors hold \(sum)") }
        if self.loggedEpoch > self.epoch { broken.append("epoch on disk is ahead") }
        if self.loggedPosition > self.position { broken.append("book position on disk is ahead") }
        if self.confirmedPosition > self.loggedPosition { broken.append("confirmed what is not on disk") }
        if self.logged > self.appended { broken.append("logged more than was appended") }
        for (id, framework) in self.frameworks {
            let tasks = self.tasks.values.count { $0.key.framework == id }
            let executors =
                self.executors.values.count { $0.key.framework == id }
                + self.unconfirmedExits.count { $0.exit.key.framework == id }
            if tasks != framework.tasks || executors != framework.executors {
                broken.append("framework \(id) counts \(framework.tasks), \(framework.executors)")
            }
        }
        return broken
    }

    private func brokenTasks() -> [String] {
        var broken: [String] = []
        for task in self.tasks.values {
            let name = "task \(task.number) \(task.key)"
            if self.frameworks[task.key.framework] == nil { broken.append("\(name): framework unknown") }
            if task.state.isTerminal != !task.isLive { broken.append("\(name): \(task.state) but \(task.stage)") }
            if task.loggedSequence > task.sequence { broken.append("\(name): sequence on disk is ahead") }
            if !task.isLogged, ![.accepted, .queued, .ending, .ended].contains(task.stage) {
                broken.append("\(name): \(task.stage) before it is on disk")
            }
            let sequences = task.statuses.map(\.sequence)
            if zip(sequences, sequences.dropFirst()).contains(where: { $0 >= $1 }) {
                broken.append("\(name): statuses out of order")
            }
            if task.statuses.dropLast().contains(where: \.state.isTerminal) {
                broken.append("\(name): a status after the terminal one")
            }
            if task.removal != nil, task.isLive || !task.statuses.isEmpty {
                broken.append("\(name): removed too early")
            }
            if task.isLive, task.isCommand, self.commandRuns[task.acceptance.runID] != task.number {
                broken.append("\(name): its run is not booked")
            }
            if task.isLive, let key = task.executorKey, self.executor(key)?.tasks.contains(task.number) != true {
                broken.append("\(name): live without its executor")
            }
        }
        return broken
    }

    private func brokenExecutors() -> [String] {
        var broken: [String] = []
        for executor in self.executors.values {
            let name = "executor \(executor.runID) \(executor.key)"
            if self.frameworks[executor.key.framework] == nil { broken.append("\(name): framework unknown") }
            if executor.tasks.contains(where: { self.tasks[$0]?.isLive != true }) {
                broken.append("\(name): dead task")
            }
            if (executor.stage == .exited) != (executor.exit != nil) { broken.append("\(name): half exited") }
            var load = executor.info.resources
            for number in executor.tasks where self.tasks[number]?.stage != .ending {
                load += self.tasks[number]?.resources ?? .init()
            }
            if executor.stage != .exited, load != executor.load { broken.append("\(name): load is \(executor.load)") }
            if executor.stage != .exited, executor.updating == nil, !executor.waiting.isEmpty {
                broken.append("\(name): waits for an update that nobody ordered")
            }
            if let peer = executor.peer, self.executorPeers[peer] != executor.runID {
                broken.append("\(name): subscribed over nothing")
            }
        }
        return broken
    }

    private func brokenIndexes() -> [String] {
        var broken: [String] = []
        for (key, number) in self.numbers where self.tasks[number]?.key != key { broken.append("index of \(key)") }
        for (key, run) in self.executorRuns where self.executors[run]?.key != key { broken.append("index of \(key)") }
        for (run, number) in self.commandRuns where self.tasks[number]?.isLive != true { broken.append("run \(run)") }
        for (number, position) in self.removedTasks.all where self.tasks[number]?.removal != position {
            broken.append("removed \(number)")
        }
        let removed = self.tasks.values.count { $0.removal != nil }
        if removed != self.removedTasks.all.count { broken.append("\(removed) removed") }
        return broken
    }
}
