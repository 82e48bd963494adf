import Model

// Long and short slots: a part of each agent is kept for tasks that end soon, so that nobody waits for a slot for ever
// (section 4.3 of the paper).
//
// A task that says it ends within the short time may run anywhere. Any other takes of the long part of its agent; one for
// which that has no room runs on a short slot: after the short time its framework is told, and after the grace of
// revocations it is killed. Nobody writes down which task runs where: a new master divides the tasks that it finds anew,
// so that one on a short slot may begin its time again.

extension MasterState.Cluster {
    /// Gives each task of an agent that has no slot yet the one that it belongs to, longest known first.
    ///
    /// - Complexity: O(tasks of the agent) if the policy divides agents, else O(1).
    func divideSlots(of agent: Row) {
        guard let rules = self.policy.slots else { return }
        let part = self.agents[agent].total.summable.part(thousandths: rules.longThousandths)
        let occupying = self.agents[agent].tasks.filter { self.tasks[$0].isOccupying }
        var long = Resources()
        for task in occupying where self.tasks[task].slot == .long { long += self.tasks[task].resources.summable }
        for task in occupying.sorted() where self.tasks[task].slot == nil {
            let wanted = self.tasks[task].resources.summable
            if let time = self.tasks[task].maxCompletionTime, time <= rules.shortTime {
                self.tasks[task].slot = .short
            } else if part.contains(long + wanted) {
                self.tasks[task].slot = .long
                long += wanted
            } else {
                self.tasks[task].slot = .short
                self.lastSlot += 1
                self.slots[self.lastSlot] = task
                self.tasks[task].slotSerial = self.lastSlot
                self.effects.append(.setTimer(.slot(self.lastSlot), at: self.now + rules.shortTime))
            }
        }
    }

    /// All agents, after the operator has changed the rules: what has a slot keeps it.
    func divideAllSlots() {
        for agent in self.agents.indices.map({ $0 }) { self.divideSlots(of: agent) }
    }

    /// The time of a short slot is over, and its task is not.
    func slotEnded(_ serial: UInt64) {
        guard let task = self.slots.removeValue(forKey: serial) else { return }
        self.tasks[task].slotSerial = nil
        guard self.policy.slots != nil else {
            // Agents are not divided any more; if they are again, the task is given a slot anew.
            self.tasks[task].slot = nil
            return
        }
        // Killing it itself does not let a framework stay: its executor may not heed that.
        guard self.tasks[task].revocation == nil else { return }
        let entry = self.tasks[task]
        let grace = self.policy.revocation.grace
        self.admit(
            RevocationEntry(
                task: task, victim: entry.framework, victimRole: entry.role, purpose: .slotEnded,
                resources: entry.resources.summable, agentID: self.agents[entry.agent].id, deadline: self.now + grace,
                grace: grace))
    }

    /// The task is over, and its slot free.
    func leaveSlot(ofTask task: Row) {
        guard let serial = self.tasks[task].slotSerial else { return }
        self.tasks[task].slotSerial = nil
        self.slots[serial] = nil
        self.effects.append(.cancelTimer(.slot(serial)))
    }
}

extension Resources {
    /// So many thousandths of the four scalars.
    fileprivate func part(thousandths: Int64) -> Resources {
        func part(_ whole: Int64) -> Int64 { whole / 1000 * thousandths + whole % 1000 * thousandths / 1000 }
        return Resources(
            milliCPU: part(self.cpus), milliMB: part(self.mem), milliMBDisk: part(self.disk), milliGPU: part(self.gpus))
    }
}
