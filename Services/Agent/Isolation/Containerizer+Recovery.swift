internal import Logging
public import Model
public import NIOCore
internal import NIOPosix

/// Finding what earlier lives of the agent left.
extension Containerizer {
    /// A recovery that is under way.
    struct Recovery {
        /// Frameworks whose supervisors have not told yet.
        var waitsFor: Set<FrameworkID> = []
        /// Runs that have ended and are being cleaned up.
        var cleaning: Set<RunID> = []
        var found: [RecoveredRun] = []
        var isListed = false
        let promise: EventLoopPromise<[RecoveredRun]>
    }

    /// Reaches the supervisors that earlier lives of the agent started, and starts again those that are gone.
    ///
    /// To be called first, once. As long as a supervisor can neither be reached nor started this does not end, since
    /// its journal alone tells what ran: the log says why. What runs is told of by `onEvent` from here on.
    ///
    /// - Returns: Every run that is not forgotten, in ascending order.
    public func recover() -> EventLoopFuture<[RecoveredRun]> {
        self.eventLoop.preconditionInEventLoop()
        precondition(self.recovery == nil && self.containers.isEmpty, "recovered late or twice")
        let promise = self.eventLoop.makePromise(of: [RecoveredRun].self)
        self.recovery = Recovery(promise: promise)
        let root = self.settings.directory
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let listed = self.pool.runIfActive(eventLoop: self.eventLoop) { SupervisorDirectory.existing(below: root) }
        listed.whenSuccess { directories in
            this.value.recovery?.isListed = true
            for directory in directories {
                this.value.recovery?.waitsFor.insert(directory.frameworkID)
                this.value.addSupervisor(directory)
            }
            this.value.finishRecovery()
        }
        return promise.futureResult
    }

    func recover(_ snapshot: SupervisorSnapshot, _ frameworkID: FrameworkID) {
        self.recovery?.waitsFor.remove(frameworkID)
        for run in snapshot.runs {
            self.add(run.runID, .running, frameworkID)
            self.recovery?.found.append(RecoveredRun(runID: run.runID, .running(pid: run.pid)))
        }
        for exit in snapshot.exits {
            self.add(exit.runID, .ending, frameworkID)
            self.recovery?.cleaning.insert(exit.runID)
            self.add(.cleanUp(exit.runID, .exited(exit)))
        }
        for failure in snapshot.failures {
            self.add(failure.runID, .ending, frameworkID)
            self.recovery?.cleaning.insert(failure.runID)
            self.add(.cleanUp(failure.runID, .failed(failure)))
        }
        self.letGo(frameworkID)
        self.finishRecovery()
    }

    private func add(_ runID: RunID, _ stage: Container.Stage, _ frameworkID: FrameworkID) {
        self.containers[runID] = Container(frameworkID: frameworkID, stage: stage)
        self.supervisors[frameworkID]?.containers += 1
    }

    /// Whether the end of a run belongs into the recovery, rather than to be told by itself.
    func isRecovering(_ runID: RunID, _ event: ContainerEvent) -> Bool {
        guard self.recovery?.cleaning.remove(runID) != nil else { return false }
        switch event {
        case .exited(_, let exit): self.recovery?.found.append(RecoveredRun(runID: runID, .exited(exit)))
        case .launchFailed(_, let message):
            self.recovery?.found.append(RecoveredRun(runID: runID, .launchFailed(message: message)))
        case .started, .updated: break
        }
        self.finishRecovery()
        return true
    }

    private func finishRecovery() {
        guard let recovery, recovery.isListed, recovery.waitsFor.isEmpty, recovery.cleaning.isEmpty else { return }
        self.recovery = nil
        let isolator = self.isolator, known = Set(self.containers.keys)
        let running = known.filter { self.containers[$0]?.isRunning == true }
        let marks = self.marks
        self.provisioner.release(except: running)
        let found = recovery.found.sorted { $0.runID < $1.runID }
        // What no journal knows is nobody's: the rest of a machine's former boot, or of a directory that was lost.
        self.pool.runIfActive(eventLoop: self.eventLoop) {
            isolator.recover(running)
            marks.removeAll(except: known)
        }
        .map { found }.cascade(to: recovery.promise)
    }
}
