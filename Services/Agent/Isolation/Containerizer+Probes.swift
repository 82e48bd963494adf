internal import Messages
public import Model
internal import NIOCore

/// Processes that look whether a container is well.
extension Containerizer {
    /// A probe that has not been told of.
    struct PendingProbe {
        let frameworkID: FrameworkID
        let timeout: Duration
        let done: (ProbeResult) -> Void
    }

    /// Runs a command beside the processes of a container: as its user, in its sandbox, its control groups and what it
    /// sees of the machine.
    ///
    /// - Parameters:
    ///   - spec: The container's, with another command.
    ///   - timeout: Then it is killed, with all that it started; zero: never.
    ///   - done: Called once, on the loop.
    public func probe(_ spec: ContainerSpec, timeout: Duration, done: @escaping (ProbeResult) -> Void) {
        self.eventLoop.preconditionInEventLoop()
        self.lastProbe += 1
        self.probes[self.lastProbe] = PendingProbe(frameworkID: spec.frameworkID, timeout: timeout, done: done)
        guard self.containers[spec.runID]?.isRunning == true else {
            return self.finishProbe(self.lastProbe, .skipped("the container does not run"))
        }
        let root = self.containers[spec.runID]?.root
        guard root != nil || spec.container?.image == nil else {
            return self.finishProbe(self.lastProbe, .skipped("its image is not known again yet"))
        }
        self.add(.prepareProbe(self.lastProbe, spec, root))
    }

    func probePrepared(_ id: UInt64, _ result: Result<SupervisorStart, IsolationError>) {
        guard let probe = self.probes[id] else { return }
        switch result {
        case .failure(let error): self.finishProbe(id, .failed("\(error)"))
        case .success(let start):
            guard self.supervisors[probe.frameworkID]?.hasReported == true else {
                return self.finishProbe(id, .skipped("the supervisor cannot be reached"))
            }
            self.send(
                .probe(SupervisorProbe(id: id, start: start, timeout: probe.timeout)), to: probe.frameworkID)
        }
    }

    func probed(_ probed: SupervisorProbed) {
        let output = String(decoding: probed.output, as: UTF8.self)
        if probed.error == Self.noSuchRun {
            self.finishProbe(probed.id, .skipped("the container does not run"))
        } else if probed.error != 0 {
            let failure = SupervisorFailure(runID: 0, stage: probed.stage, error: probed.error)
            self.finishProbe(probed.id, .failed(failure.message))
        } else if probed.isTimedOut {
            self.finishProbe(probed.id, .timedOut)
        } else {
            self.finishProbe(probed.id, .exited(status: probed.status, output: output))
        }
    }

    /// ESRCH.
    private static let noSuchRun: Int32 = 3

    /// The supervisor ends them when it loses the agent.
    func giveUpProbes(of frameworkID: FrameworkID) {
        for id in self.probes.keys.sorted() where self.probes[id]?.frameworkID == frameworkID {
            self.finishProbe(id, .skipped("the supervisor cannot be reached"))
        }
    }

    private func finishProbe(_ id: UInt64, _ result: ProbeResult) {
        self.probes.removeValue(forKey: id)?.done(result)
    }
}
