import Foundation
import Isolation
import Logging
import Model
import NIOCore
import NIOPosix
import TestSupport

/// Containers that are started one after the other, without an agent.
final class StartBench {
    let name: String
    /// Milliseconds of each start, by round.
    private(set) var rounds: [[Double]] = []
    private let isolator: Isolator
    private let loop: any EventLoop
    private let line: NIOLoopBoundBox<StartLine?>

    var times: [Double] { self.rounds.flatMap { $0 } }

    /// - Throws: `TestFailure`, if the isolation cannot be had.
    init(
        _ isolation: String, _ settings: IsolationSettings, program: String, image: String?, directory: URL
    ) async throws {
        self.name = image == nil ? isolation : isolation + ", a root of its own"
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let isolator = Isolator(
            agent: Isolator.agentToken(name: "starts", directory: directory.path), settings: settings)
        guard isolator.missing.isEmpty else {
            isolator.removeAll()
            throw TestFailure(isolator.missing.joined(separator: "; "))
        }
        self.isolator = isolator
        let supervisor = UpCluster.ownDirectory.appendingPathComponent("meseta-supervisor").path
        var order = ContainerizerSettings(directory: directory.path, supervisorPath: supervisor)
        if let image { order.images.imageDirectories = [image] }
        let ready = order, loop = MultiThreadedEventLoopGroup.singleton.next()
        self.loop = loop
        let line = NIOLoopBoundBox<StartLine?>.makeBoxSendingValue(nil, eventLoop: loop)
        self.line = line
        var resources: Resources = "cpus:0.5;mem:64;ports:[40000-40000]"
        if settings.choice.required.contains(.gpu) { resources += "gpus:1" as Resources }
        let given = resources
        try await loop.flatSubmit {
            let containerizer = Containerizer(
                settings: ready, isolator: isolator, eventLoop: loop, logger: Logger(label: "starts"))
            line.value = StartLine(containerizer, loop, program: program, image: image, resources: given)
            return containerizer.recover().map { _ in }
        }.get()
    }

    /// So many starts more, which count.
    func measure(_ count: Int) async throws {
        let round = try await self.run(count)
        self.rounds.append(round)
    }

    /// So many starts more; milliseconds of each.
    func run(_ count: Int) async throws -> [Double] {
        let line = self.line
        return try await self.loop.flatSubmit { line.value!.run(count) }.get()
    }

    /// Leaves nothing.
    func end() async {
        let line = self.line
        try? await self.loop.flatSubmit {
            let containerizer = line.value!.containerizer
            let bound = NIOLoopBound(containerizer, eventLoop: line.value!.loop)
            line.value = nil
            return containerizer.shutdown().map { bound.value.endAll() }
        }.get()
    }
}

/// Starts the next when one has ended.
///
/// Confined to its event loop.
private final class StartLine {
    let containerizer: Containerizer
    let loop: any EventLoop
    private let program: String
    private let image: String?
    private let resources: Resources
    private var run: RunID = 0
    private var begun = ContinuousClock.now
    private var remaining = 0
    private var times: [Double] = []
    private var done: EventLoopPromise<[Double]>?

    init(
        _ containerizer: Containerizer, _ loop: any EventLoop, program: String, image: String?, resources: Resources
    ) {
        self.containerizer = containerizer
        self.loop = loop
        self.program = program
        self.image = image
        self.resources = resources
        containerizer.onEvent = { [unowned self] in self.take($0) }
    }

    func run(_ count: Int) -> EventLoopFuture<[Double]> {
        let done = self.loop.makePromise(of: [Double].self)
        (self.remaining, self.times, self.done) = (count, [], done)
        self.next()
        return done.futureResult
    }

    private func next() {
        self.remaining -= 1
        self.run = self.run + 1
        var spec = ContainerSpec(
            runID: self.run, frameworkID: "F", taskID: TaskID("t\(self.run)"),
            command: CommandInfo(program: self.program, arguments: [self.program]), resources: self.resources,
            sandbox: ["frameworks", "F", "tasks", "t.\(self.run)"])
        if let image {
            spec.container = ContainerInfo()
            spec.container?.image = .init(path: image)
        }
        self.begun = .now
        self.containerizer.launch(spec)
    }

    private func take(_ event: ContainerEvent) {
        switch event {
        case .started, .updated: return
        case .launchFailed(_, let message): return self.fail(message)
        case .exited(_, let exit) where exit.status != 0: return self.fail("it ended with status \(exit.status)")
        case .exited(let run, _):
            self.times.append((ContinuousClock.now - self.begun) / .milliseconds(1))
            self.containerizer.forget(run)
        }
        guard self.remaining == 0 else {
            let this = NIOLoopBound(self, eventLoop: self.loop)
            return self.loop.execute { this.value.next() }
        }
        self.done?.succeed(self.times)
        self.done = nil
    }

    private func fail(_ message: String) {
        self.done?.fail(TestFailure(message))
        self.done = nil
    }
}
