import Messages
import Model
import Testing

/// What a process is started with, on its way to the supervisor.
struct SupervisorRightsTests {
    @Test(
        "Limits and capabilities of a start reach the supervisor as they were",
        arguments: [(nil, false), (0, false), (1 << 10, true), (.max, true)] as [(UInt64?, Bool)])
    func rights(capabilities: UInt64?, isAmbient: Bool) throws {
        var start = SupervisorStart(
            runID: 7, program: "/bin/true", arguments: ["true"], environment: ["A=b"], directory: "/",
            outputPath: "/o", errorPath: "/e", user: .init(uid: 1, gid: 2, groups: [3]), mark: "A=b")
        start.limits = [
            .init(resource: 7, soft: 1024, hard: 2048), .init(resource: 0, soft: .max, hard: .max),
            .init(resource: 4, soft: 0, hard: 0),
        ]
        start.capabilities = capabilities
        start.hasNoNewPrivileges = true
        start.hasAmbientCapabilities = isAmbient
        start.devices = ["/dev/nvidia0", "/dev/nvidiactl"]
        let command = SupervisorCommand.start(start)
        #expect(try SupervisorCommand(encoded: command.encoded(), in: MessageArena()) == command)
    }
}
