internal import Logging
internal import Model
internal import NIOCore
internal import NIOPosix

/// The work of the thread beside the event loop.
extension Containerizer {
    /// Something that may block.
    enum Chore: Sendable {
        case prepare(ContainerSpec, ProvisionedRoot?)
        case update(RunID, Resources)
        /// Writes down why it is ended.
        case mark(RunID, Limitation)
        case cleanUp(RunID, End)
        case prepareProbe(UInt64, ContainerSpec, ProvisionedRoot?)
    }

    /// How a run ended, as its supervisor tells it.
    enum End: Sendable {
        case exited(SupervisorExit)
        case failed(SupervisorFailure)
        /// It was destroyed before the supervisor was told of it, or could not be prepared.
        case notStarted(message: String)
    }

    /// What came of a chore.
    enum Outcome: Sendable {
        case prepared(RunID, Result<SupervisorStart, IsolationError>)
        case updated(RunID, IsolationError?)
        case marked(RunID)
        case cleanedUp(RunID, ContainerEvent, isClean: Bool)
        case probePrepared(UInt64, Result<SupervisorStart, IsolationError>)
    }

    func add(_ chore: Chore) {
        if case .cleanUp(let runID, _) = chore { self.sampler.forget(runID) }
        self.queue.append(chore)
        self.work()
    }

    /// Hands all that waits to the thread, if it is idle.
    private func work() {
        guard !self.isWorking, !self.queue.isEmpty else { return }
        self.isWorking = true
        let chores = self.queue
        let worker = Worker(
            settings: self.settings, isolator: self.isolator, marks: self.marks, limits: self.limits)
        self.queue.removeAll(keepingCapacity: true)
        let this = NIOLoopBound(self, eventLoop: self.eventLoop), loop = self.eventLoop
        self.pool.runIfActive(eventLoop: loop) {
            // Told a few at a time, so that the supervisor starts the first while the next are prepared.
            for first in stride(from: 0, to: chores.count, by: Self.choresAtOnce) {
                let outcomes = chores[first..<min(first + Self.choresAtOnce, chores.count)].map(worker.carryOut)
                loop.execute { for outcome in outcomes { this.value.take(outcome) } }
            }
        }.whenSuccess {
            this.value.isWorking = false
            this.value.work()
        }
    }

    /// How many are carried out between two words to the loop.
    private static let choresAtOnce = 4

    private func take(_ outcome: Outcome) {
        switch outcome {
        case .prepared(let runID, let result): self.prepared(runID, result)
        case .updated(let runID, let error): self.updated(runID, error)
        case .marked(let runID): self.destroy(runID)
        case .cleanedUp(let runID, let event, let isClean): self.cleanedUp(runID, event, isClean: isClean)
        case .probePrepared(let id, let result): self.probePrepared(id, result)
        }
    }

    func prepared(_ runID: RunID, _ result: Result<SupervisorStart, IsolationError>) {
        guard let container = self.containers[runID] else { return }
        switch result {
        case .success where container.isDestroyed:
            self.endUnstarted(runID, "It was killed before it was started.")
        case .success(let start) where !container.uris.isEmpty: self.fetch(start, container)
        case .success(let start):
            self.containers[runID]?.stage = .starting(start)
            self.start(start, container)
        case .failure(let error): self.endUnstarted(runID, "\(error)")
        }
    }

    private func endUnstarted(_ runID: RunID, _ message: String) {
        self.containers[runID]?.stage = .ending
        self.add(.cleanUp(runID, .notStarted(message: message)))
    }

    /// Brings what the command wants into the sandbox, then starts it.
    private func fetch(_ start: SupervisorStart, _ container: Container) {
        let runID = start.runID
        // Somebody has ended it while its sandbox was made, or asked it to.
        guard container.signals.isEmpty else {
            return self.endUnstarted(runID, "It was killed before it was started.")
        }
        self.containers[runID]?.stage = .fetching(start)
        let home = start.environment.first { $0.hasPrefix("HOME=") }.map { String($0.dropFirst(5)) }
        let order = Fetcher.Order(
            runID: runID, uris: container.uris, sandbox: start.directory, user: start.user, home: home)
        self.fetcher.fetch(order) { [weak self] error in self?.fetched(runID, error) }
    }

    private func fetched(_ runID: RunID, _ error: FetchError?) {
        guard let container = self.containers[runID], case .fetching(let start) = container.stage else { return }
        if let limitation = self.limits[runID] { return self.endUnstarted(runID, limitation.message) }
        if container.isDestroyed { return self.endUnstarted(runID, "It was killed while its URIs were fetched.") }
        if let error { return self.endUnstarted(runID, error.description) }
        self.containers[runID]?.stage = .starting(start)
        self.start(start, container)
    }

    func updated(_ runID: RunID, _ error: IsolationError?) {
        guard let container = self.containers[runID], container.isAlive else { return }
        if error != nil, container.isBeingAdopted { self.containers[runID]?.isAsFound = true }
        self.containers[runID]?.isBeingAdopted = false
        guard let error else { return self.onEvent(.updated(runID, problem: nil)) }
        self.logger.warning(
            "Cannot change the limits of a container",
            metadata: [LogKey.runID: "\(runID)", LogKey.error: "\(error)"])
        let isAsFound = self.containers[runID]?.isAsFound ?? false
        self.onEvent(.updated(runID, problem: isAsFound ? nil : "\(error)"))
    }

    /// A container broke a limit that the kernel does not hold it to.
    func breached(_ runID: RunID, _ limitation: Limitation) {
        guard let container = self.containers[runID], container.isRunning || container.isFetching,
            self.limits[runID] == nil
        else { return }
        self.logger.notice(
            "A container broke a limit, and is ended",
            metadata: [LogKey.runID: "\(runID)", LogKey.reason: "\(limitation.message)"])
        self.limits[runID] = limitation
        self.onBreach(limitation.cause)
        self.add(.mark(runID, limitation))
    }

    private func cleanedUp(_ runID: RunID, _ event: ContainerEvent, isClean: Bool) {
        if !isClean {
            self.logger.warning(
                "The control groups of a container that has ended cannot be removed; they are at the next start",
                metadata: [LogKey.runID: "\(runID)"])
        }
        self.limits[runID] = nil
        if self.containers[runID]?.hasImage == true { self.provisioner.release(runID) }
        guard let container = self.containers[runID], case .ending = container.stage else { return }
        self.containers[runID]?.stage = .ended
        if container.isTold {
            if container.isForgotten { self.drop(runID, container) }
            return
        }
        if self.isRecovering(runID, event) { return }
        self.onEvent(event)
    }
}

/// Does the chores, on its thread.
struct Worker: Sendable {
    let settings: ContainerizerSettings
    let isolator: Isolator
    let marks: LimitMarks
    let limits: [RunID: Limitation]

    func carryOut(_ chore: Containerizer.Chore) -> Containerizer.Outcome {
        switch chore {
        case .prepare(let spec, let root):
            return .prepared(spec.runID, Result { () throws(IsolationError) in try self.prepare(spec, root) })
        case .update(let runID, let resources):
            do throws(IsolationError) {
                try self.isolator.update(runID, resources)
                return .updated(runID, nil)
            } catch {
                return .updated(runID, error)
            }
        case .mark(let runID, let limitation):
            // Where the disk is full it is remembered as long as this process lives.
            try? self.marks.add(limitation, to: runID)
            return .marked(runID)
        case .cleanUp(let runID, let end):
            let event = self.event(runID, end)
            self.marks.remove(runID)
            return .cleanedUp(runID, event, isClean: self.isolator.cleanUp(runID))
        case .prepareProbe(let id, let spec, let root):
            return .probePrepared(id, Result { () throws(IsolationError) in try self.prepareProbe(spec, root) })
        }
    }

    private func prepare(
        _ spec: ContainerSpec, _ root: ProvisionedRoot?
    ) throws(IsolationError) -> SupervisorStart {
        let (entry, user) = try self.user(of: spec, root)
        let sandbox = try Sandbox.make(spec.sandbox, below: self.settings.directory, owner: user)
        let (cgroups, tracking) = try self.isolator.prepare(spec.runID, spec.resources)
        let view = ContainerView(info: spec.container, root: root, sandbox: sandbox)
        var start = try self.start(spec, view, entry, user)
        start.cgroups = cgroups
        start.tracking = tracking
        return start
    }

    /// A process that joins what was made for its container.
    private func prepareProbe(
        _ spec: ContainerSpec, _ root: ProvisionedRoot?
    ) throws(IsolationError) -> SupervisorStart {
        let (entry, user) = try self.user(of: spec, root)
        let sandbox = Sandbox(path: self.settings.directory + "/" + spec.sandbox.joined(separator: "/"))
        let view = ContainerView(info: spec.container, root: root, sandbox: sandbox)
        var start = try self.start(spec, view, entry, user)
        start.directory = view.directory
        start.cgroups = self.isolator.existingGroups(of: spec.runID)
        return start
    }

    private func user(
        of spec: ContainerSpec, _ root: ProvisionedRoot?
    ) throws(IsolationError) -> (UserEntry?, SupervisorStart.User?) {
        guard let name = spec.user else {
            do throws(ImageError) { return (Users.own, try root?.user()) } catch {
                throw IsolationError("The image cannot be used: \(error)")
            }
        }
        let found = try Users.find(name)
        if found.user.uid == Users.ownID { return (found, nil) }
        guard Users.canSwitch else {
            throw IsolationError("the agent does not run as root, so nothing can run as \"\(name)\"")
        }
        return (found, found.user)
    }

    private func start(
        _ spec: ContainerSpec, _ view: ContainerView, _ entry: UserEntry?, _ user: SupervisorStart.User?
    ) throws(IsolationError) -> SupervisorStart {
        let command = spec.command, sandbox = view.sandbox, vector = view.vector(of: command)
        let program = vector?[0] ?? (command.shell ? "/bin/sh" : command.value ?? command.arguments.first ?? "")
        guard !program.isEmpty, !command.shell || command.value != nil else {
            throw IsolationError("the command is empty")
        }
        var arguments = vector ?? (command.shell ? ["sh", "-c", command.value ?? ""] : command.arguments)
        if arguments.isEmpty { arguments = [program] }
        var start = SupervisorStart(
            runID: spec.runID, program: program, arguments: arguments,
            environment: self.environment(spec, view, entry).map { "\($0.key)=\($0.value)" }.sorted(),
            directory: sandbox.path, outputPath: sandbox.output, errorPath: sandbox.error, user: user,
            mark: "\(view.markName)=\(sandbox.path)")
        try self.isolator.add(to: &start, for: spec)
        try view.add(to: &start, volumeDirectories: self.settings.images.volumeDirectories)
        guard ([program] + arguments + start.environment).allSatisfy({ !$0.utf8.contains(0) }) else {
            throw IsolationError("the command or its environment holds a NUL character")
        }
        return start
    }

    private func environment(_ spec: ContainerSpec, _ view: ContainerView, _ user: UserEntry?) -> [String: String] {
        var environment = view.environment(self.settings.environment)
        if let user {
            environment["HOME"] = user.home
            environment["USER"] = user.name
        }
        environment["MESETA_FILE_TOKEN"] = self.settings.fileToken(spec.frameworkID)
        environment.merge(spec.environment) { _, own in own }
        for name in ["MESETA_SANDBOX", "MESOS_SANDBOX", "MESOS_DIRECTORY"] { environment[name] = view.sandboxPath }
        environment[view.markName] = view.sandbox.path
        return environment
    }

    private func limitation(of runID: RunID) -> Limitation? {
        self.limits[runID] ?? self.marks.limitation(of: runID) ?? self.isolator.limitation(of: runID)
    }

    /// What the agent is told, once the kernel was asked whether a limit ended the run.
    func event(_ runID: RunID, _ end: Containerizer.End) -> ContainerEvent {
        switch end {
        case .notStarted(let message): return .launchFailed(runID, message: message)
        case .failed(let failure): return .launchFailed(runID, message: failure.message)
        case .exited(let exit):
            if exit.isLost {
                let message = "Its supervisor died, and it with it."
                return .exited(runID, ContainerExit(status: exit.status, cause: .supervisorLost, message: message))
            }
            // A container that did all it had to ended by itself, whatever befell a part of it.
            if exit.status != 0, let limitation = self.limitation(of: runID) {
                return .exited(
                    runID,
                    ContainerExit(
                        status: exit.status, cause: limitation.cause, message: limitation.message,
                        limitation: limitation.used.isEmpty ? nil : limitation.used))
            }
            return .exited(runID, ContainerExit(status: exit.status))
        }
    }
}

extension SupervisorFailure {
    /// For people.
    var message: String {
        let reason = String(errno: self.error)
        return switch self.stage {
        case .unknown, .fork: "No process could be made: \(reason)"
        case .cgroup: "A control group could not be joined: \(reason)"
        case .directory: "The sandbox could not be entered: \(reason)"
        case .output: "The files for its output could not be opened: \(reason)"
        case .limit: "A limit could not be set: \(reason)"
        case .user: "The user could not be changed: \(reason)"
        case .exec: "The program could not be executed: \(reason)"
        case .journal: "The supervisor could not write its journal: \(reason)"
        case .namespace: "No process with namespaces of its own could be made: \(reason)"
        case .mount: "Its file systems could not be mounted: \(reason)"
        case .network: "Its network could not be made: \(reason)"
        case .capabilities: "Capabilities could not be dropped: \(reason)"
        case .filter: "The filter of system calls could not be set: \(reason)"
        case .root: "Its root file system could not be made: \(reason)"
        case .volume: "A volume could not be mounted: \(reason)"
        }
    }
}
