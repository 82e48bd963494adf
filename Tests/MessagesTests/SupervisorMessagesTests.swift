import Messages
import Model
import Testing

/// What agents and supervisors say to each other.
struct SupervisorMessagesTests {
    private func start() -> SupervisorStart {
        SupervisorStart(
            runID: 7, program: "/bin/sh", arguments: ["sh", "-c", "true"], environment: ["A=b"], directory: "/d",
            outputPath: "/d/stdout", errorPath: "/d/stderr", mark: "A=b")
    }

    @Test("A root, volumes and a host name arrive as they were sent")
    func roots() throws {
        var start = self.start()
        start.root = .init(within: "/images", options: "lowerdir=a:b", target: "/r/root", directory: "/mnt")
        start.hostname = "inner"
        var cache = SupervisorStart.Volume(within: "/sandbox", path: "cache", target: "cache")
        cache.makesPath = true
        cache.targetWithin = "/sandbox"
        var data = SupervisorStart.Volume(within: "/srv", path: "", target: "/data")
        data.isReadOnly = true
        start.volumes = [cache, data]
        let command = SupervisorCommand.start(start)
        #expect(try SupervisorCommand(encoded: command.encoded()) == command)
        let plain = SupervisorCommand.start(self.start())
        #expect(try SupervisorCommand(encoded: plain.encoded()) == plain)
    }

    @Test("A supervisor of an earlier version is told from one that knows roots")
    func versions() {
        var start = self.start()
        #expect(start.version == 1)
        start.hostname = "inner"
        #expect(start.version == 3)
        start.hostname = nil
        start.volumes = [.init(within: "/a", path: "", target: "/b")]
        #expect(start.version == 3)
    }

    @Test("Why a root or a volume failed has names of its own", arguments: [SupervisorFailure.Stage.root, .volume])
    func stages(stage: SupervisorFailure.Stage) throws {
        let event = SupervisorEvent.failed(SupervisorFailure(runID: 7, stage: stage, error: 2))
        #expect(try SupervisorEvent(encoded: event.encoded()) == event)
    }
}
