internal import Logging
internal import Model
internal import NIOCore

/// What supervisors say.
extension Containerizer {
    func supervisorSaid(_ event: SupervisorEvent, _ frameworkID: FrameworkID) {
        switch event {
        case .snapshot(let snapshot): self.take(snapshot, frameworkID)
        case .started(let run): self.started(run)
        case .exited(let exit): self.exited(exit)
        case .failed(let failure): self.failed(failure)
        case .unknown(let runID): self.isUnknown(runID)
        case .probed(let probed): self.probed(probed)
        }
    }

    /// Brings both sides together: what one of them missed is said again.
    private func take(_ snapshot: SupervisorSnapshot, _ frameworkID: FrameworkID) {
        self.logger.debug(
            "Connected to a supervisor",
            metadata: [LogKey.frameworkID: "\(frameworkID)", LogKey.pid: "\(snapshot.pid)"])
        self.supervisors[frameworkID]?.hasReported = true
        self.supervisors[frameworkID]?.version = snapshot.version
        if self.recovery?.waitsFor.contains(frameworkID) == true { return self.recover(snapshot, frameworkID) }
        let present = Set(snapshot.runs.map(\.runID))
            .union(snapshot.exits.map(\.runID)).union(snapshot.failures.map(\.runID))
        for (runID, container) in self.containers where container.frameworkID == frameworkID {
            switch container.stage {
            case .starting(let start) where !present.contains(runID): self.start(start, container)
            case .running where !present.contains(runID): self.exited(Self.lost(runID))
            case .starting, .running:
                self.repeatOrders(runID, container)
                if container.isRunning { self.containers[runID]?.signals = [] }
            case .preparing, .fetching, .ending, .ended: break
            }
        }
        for run in snapshot.runs where run.pid != 0 { self.started(run) }
        for exit in snapshot.exits { self.exited(exit) }
        for failure in snapshot.failures { self.failed(failure) }
        if self.supervisors[frameworkID]?.isFinishing == true { self.send(.finish, to: frameworkID) }
    }

    private static func lost(_ runID: RunID) -> SupervisorExit {
        SupervisorExit(runID: runID, status: 9, isLost: true)
    }

    func start(_ start: SupervisorStart, _ container: Container) {
        if let supervisor = self.supervisors[container.frameworkID], supervisor.hasReported,
            supervisor.version < start.version
        {
            self.containers[start.runID]?.stage = .ending
            let message =
                "The supervisor of its framework is an older one, which cannot isolate it as this agent wants."
            return self.add(.cleanUp(start.runID, .notStarted(message: message)))
        }
        self.send(.start(start), to: container.frameworkID)
        self.repeatOrders(start.runID, container)
    }

    private func repeatOrders(_ runID: RunID, _ container: Container) {
        for signal in container.signals {
            self.send(.signal(runID, signal, everything: true), to: container.frameworkID)
        }
        if container.isDestroyed { self.send(.destroy(runID), to: container.frameworkID) }
    }

    private func started(_ run: SupervisorRun) {
        guard let container = self.containers[run.runID], case .starting = container.stage else { return }
        self.containers[run.runID]?.stage = .running
        self.containers[run.runID]?.signals = []
        self.onEvent(.started(run.runID, pid: run.pid))
    }

    private func exited(_ exit: SupervisorExit) {
        guard let container = self.containers[exit.runID] else { return self.forgetUnknown(exit.runID) }
        switch container.stage {
        case .starting, .running:
            self.containers[exit.runID]?.stage = .ending
            self.add(.cleanUp(exit.runID, .exited(exit)))
            self.tellAtOnce(exit)
        case .preparing, .fetching, .ending, .ended: break
        }
    }

    /// What did all it had to broke no limit, so that its end need not wait for its control groups.
    ///
    /// What is launched next finds them given free: the thread does one thing after the other.
    private func tellAtOnce(_ exit: SupervisorExit) {
        guard exit.status == 0, !exit.isLost, self.recovery == nil else { return }
        self.containers[exit.runID]?.isTold = true
        self.onEvent(.exited(exit.runID, ContainerExit(status: 0)))
    }

    private func failed(_ failure: SupervisorFailure) {
        guard let container = self.containers[failure.runID] else { return self.forgetUnknown(failure.runID) }
        switch container.stage {
        case .starting, .running:
            self.containers[failure.runID]?.stage = .ending
            self.add(.cleanUp(failure.runID, .failed(failure)))
        case .preparing, .fetching, .ending, .ended: break
        }
    }

    /// The supervisor has no such run, though it was told of it.
    private func isUnknown(_ runID: RunID) {
        guard let container = self.containers[runID], case .running = container.stage else { return }
        self.exited(Self.lost(runID))
    }

    /// The end of a run that was forgotten while the supervisor could not be told.
    private func forgetUnknown(_ runID: RunID) {
        for supervisor in self.supervisors.values where supervisor.hasReported {
            supervisor.client.send(.forget(runID))
        }
    }
}
