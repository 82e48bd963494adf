public import Model

/// What an agent does with what earlier lives left running.
public enum RecoveryMode: String, Hashable, Sendable {
    /// It goes on with it.
    case reconnect
    /// It ends it, tells that as far as somebody listens, and ends itself.
    case cleanup
}

/// A last life: it takes nothing, ends what runs as a drain would, and leaves a log in which a new one begins.
extension AgentState {
    /// What it does with what earlier lives left.
    public var recovery: RecoveryMode { self.settings.recovery }

    private var isCleaningUp: Bool { self.recovery == .cleanup }

    /// What is left of the log: no number is used twice, so that nobody takes a new life for an old one.
    ///
    /// The agent's id is forgotten, and with it what the master holds against that.
    public var recordsOfNewLife: [AgentLogRecord] {
        self.snapshotRecords().filter { record in
            switch record {
            case .counters, .started, .epochSeen: true
            default: false
            }
        }
    }

    /// The drain is nobody's wish for later lives: it is not logged.
    mutating func beginCleanup(at now: Instant) {
        guard self.isCleaningUp else { return }
        self.mode = .draining(.init(bound: nil, since: now))
        self.loggedMode = self.mode
    }

    /// Ends, if nothing runs and all is told; what nobody acknowledges is waited for a while.
    mutating func continueCleanup(at now: Instant, into effects: inout [Effect]) {
        guard self.isCleaningUp, !self.isShuttingDown, self.cleanup != .done else { return }
        let isRunning = self.tasks.values.contains(where: \.isLive) || !self.executorRuns.isEmpty
        guard !isRunning, self.logged == self.appended, self.consequences.isEmpty else { return }
        let isTold = self.tasks.values.allSatisfy { $0.statuses.isEmpty }
        if isTold || self.cleanup == .waited {
            self.cleanup = .done
            effects.append(.endLife)
        } else if self.cleanup == .ending {
            self.cleanup = .telling
            effects.append(.setTimer(.cleanup, at: now + self.settings.cleanupPatience))
        }
    }

    /// How far a cleanup is.
    enum Cleanup {
        /// Something runs. Leaves for `telling`, or for `done`.
        case ending
        /// Statuses wait for their schedulers. Leaves for `waited` when that takes too long, or for `done`.
        case telling
        /// Leaves for `done`.
        case waited
        /// The host was told to end.
        case done
    }
}
