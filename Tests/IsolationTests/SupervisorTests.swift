import Foundation
import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite(.serialized) struct SupervisorTests {
    @Test("A process that has the number of a supervisor of before is left alone, and tasks start beside it")
    func strangers() async throws {
        try await Bench.run(cgroups: false) { bench in
            _ = try await bench.result(1, "exit 0")
            try await bench.stop()
            let former = try #require(bench.supervisor())
            kill(former, SIGKILL)
            try await eventually { !isAlive(former) }
            let stranger = Process()
            stranger.executableURL = URL(filePath: "/bin/sleep")
            stranger.arguments = ["100"]
            try stranger.run()
            defer { stranger.terminate() }
            let number = stranger.processIdentifier, lock = "\(bench.directory)/supervisors/F/lock"
            try "\(number)\n".write(toFile: lock, atomically: false, encoding: .utf8)
            SupervisorDirectory(of: "F", below: bench.directory).signal(SIGKILL)
            try await bench.start()
            #expect(try await bench.result(2, "exit 0").exit.code == 0)
            try await bench.order { $0.destroy(2) }
            #expect(stranger.isRunning && isAlive(number))
            #expect(bench.supervisor() != number)
        }
    }

    @Test("Containers survive the agent, and the next agent learns how they are and how they ended", arguments: kinds)
    func agentDies(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "while [ ! -e stop ]; do sleep 0.01; done; exit 5")
            try await bench.launch(2, "sleep 0.2; exit 6")
            try await bench.launch(3, "exit 4", framework: "G")
            let pid = try await bench.started(1)
            try await bench.started(2)
            try await bench.started(3)
            _ = try await bench.exit(3)
            try await bench.stop()
            #expect(isAlive(pid))
            try await Task.sleep(for: .milliseconds(400))

            let found = try await bench.start()
            #expect(
                found == [
                    RecoveredRun(runID: 1, .running(pid: pid)), RecoveredRun(runID: 2, .exited(.init(status: 6 << 8))),
                    RecoveredRun(runID: 3, .exited(.init(status: 4 << 8))),
                ])
            try await bench.order {
                $0.forget(2)
                $0.forget(3)
            }
            close(creat("\(bench.sandbox(1))/stop", 0o600))
            #expect(try await bench.exit(1).code == 5)
            try await bench.order { $0.forget(1) }
            try await bench.stop()
            #expect(try await bench.start().isEmpty)
        }
    }

    @Test(
        "A supervisor that is killed takes its containers along; the agent is told, and others are not touched",
        arguments: kinds)
    func supervisorDies(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "(setsid sleep 100 & echo $! > stray); sleep 100")
            try await bench.launch(2, "sleep 100", framework: "G")
            let pid = try await bench.started(1)
            let other = try await bench.started(2)
            let stray = try #require(Int32(try await bench.content(1, "stray").filter(\.isNumber)))
            kill(try #require(bench.supervisor()), SIGKILL)
            let exit = try await bench.exit(1)
            #expect(exit == .init(status: 9, cause: .supervisorLost, message: "Its supervisor died, and it with it."))
            #expect(!isAlive(pid))
            #expect(!isAlive(stray))
            #expect(isAlive(other))
            let (next, _) = try await bench.result(3, "exit 0")
            #expect(next.code == 0)
        }
    }

    @Test(
        "Agent and supervisor are both killed: the next agent finds what ended before, and what was lost",
        arguments: kinds)
    func bothDie(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "(setsid sleep 100 & echo $! > stray); sleep 100")
            try await bench.launch(2, "exit 2")
            try await bench.started(1)
            try await bench.started(2)
            _ = try await bench.exit(2)
            let stray = try #require(Int32(try await bench.content(1, "stray").filter(\.isNumber)))
            try await bench.stop()
            kill(try #require(bench.supervisor()), SIGKILL)
            let found = try await bench.start()
            #expect(found.contains(RecoveredRun(runID: 2, .exited(.init(status: 2 << 8)))))
            if found.contains(RecoveredRun(runID: 1, .running(pid: 0))) {
                #expect(try await bench.exit(1).cause == .supervisorLost)
            } else {
                let lost = ContainerExit(
                    status: 9, cause: .supervisorLost, message: "Its supervisor died, and it with it.")
                #expect(found.contains(RecoveredRun(runID: 1, .exited(lost))))
            }
            #expect(!isAlive(stray))
        }
    }

    @Test("A run is started once, however often it is ordered")
    func startedOnce() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "echo x >> ../count; sleep 0.1")
            try await bench.started(1)
            try await bench.launch(1, "echo x >> ../count")
            _ = try await bench.exit(1)
            try await bench.stop()
            try await bench.start()
            try await bench.launch(1, "echo x >> ../count")
            try await Task.sleep(for: .milliseconds(50))
            #expect(contents("\(bench.sandbox(1))/../count") == "x\n")
        }
    }

    @Test("A supervisor that nothing needs is sent away, and its directory is gone")
    func linger() async throws {
        try await Bench.run { bench in
            try await bench.stop()
            try await bench.start(linger: .milliseconds(20))
            _ = try await bench.result(1, "exit 0")
            let pid = try #require(bench.supervisor())
            try await bench.order { $0.forget(1) }
            try await eventually { !isAlive(pid) }
            try await eventually { names("\(bench.directory)/supervisors").isEmpty }
            let (exit, _) = try await bench.result(2, "exit 3")
            #expect(exit.code == 3)
        }
    }

    @Test("An agent that stops sends away the supervisors without runs, and leaves the others")
    func agentStops() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "sleep 100")
            try await bench.launch(2, "exit 0", framework: "G")
            try await bench.launch(3, "exit 3", framework: "H")
            for run in [1, 2, 3] as [RunID] { try await bench.started(run) }
            _ = try await bench.exit(2)
            _ = try await bench.exit(3)
            let busy = try #require(bench.supervisor("F")), idle = try #require(bench.supervisor("G"))
            let untaken = try #require(bench.supervisor("H"))
            try await bench.order { $0.forget(2) }
            try await bench.stop()
            try await eventually { !isAlive(idle) }
            #expect(isAlive(busy) && isAlive(untaken))
            #expect(try await bench.start().map(\.runID) == [1, 3])
            #expect(names("\(bench.directory)/supervisors").sorted() == ["F", "H"])
        }
    }

    @Test("Without an agent a supervisor ends when nothing runs, and another one tells how its runs ended")
    func patience() async throws {
        try await Bench.run { bench in
            try await bench.stop()
            try await bench.start(patience: .seconds(1))
            try await bench.launch(1, "exit 4")
            try await bench.launch(2, "while [ ! -e stop ]; do sleep 0.01; done; exit 5")
            try await bench.started(1)
            try await bench.started(2)
            let pid = try #require(bench.supervisor())
            _ = try await bench.exit(1)
            // An agent is all it needs.
            try await Task.sleep(for: .milliseconds(1500))
            #expect(isAlive(pid))
            try await bench.stop()
            // So is a run.
            try await Task.sleep(for: .milliseconds(1500))
            #expect(isAlive(pid))
            close(creat("\(bench.sandbox(2))/stop", 0o600))
            try await eventually { !isAlive(pid) }
            #expect(
                try await bench.start() == [
                    RecoveredRun(runID: 1, .exited(.init(status: 4 << 8))),
                    RecoveredRun(runID: 2, .exited(.init(status: 5 << 8))),
                ])
            let (exit, _) = try await bench.result(3, "exit 6")
            #expect(exit.code == 6)
        }
    }

    @Test("A supervisor whose directory is gone ends with its last run, however long it would wait for an agent")
    func directoryGone() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "while [ ! -e stop ]; do sleep 0.01; done")
            try await bench.started(1)
            let pid = try #require(bench.supervisor())
            try await bench.stop()
            remove("\(bench.directory)/supervisors")
            try await Task.sleep(for: .milliseconds(1500))
            #expect(isAlive(pid))
            close(creat("\(bench.sandbox(1))/stop", 0o600))
            try await eventually { !isAlive(pid) }
        }
    }

    @Test("A supervisor is small, and belongs to no session of the agent's")
    func small() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "sleep 100")
            try await bench.started(1)
            let pid = try #require(bench.supervisor())
            #expect(getsid(pid) == pid)
            let status = try #require(contents("/proc/\(pid)/status"))
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
            #expect(try #require(Int(line.filter(\.isNumber))) < 1536)
        }
    }

    @Test("Bytes that are no frame close their connection, and the containers run on")
    func brokenFrames() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "sleep 100")
            let pid = try await bench.started(1)
            for bytes in [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [3, 0xff, 0xff, 0xff], [2, 0x0a, 0x00]] as [Bytes] {
                let socket = try connect("\(bench.directory)/supervisors/F/socket")
                defer { close(socket) }
                _ = write(socket, bytes, bytes.count)
                // The snapshot comes first, then the end.
                var buffer = [UInt8](repeating: 0, count: 4096)
                while read(socket, &buffer, buffer.count) > 0 {}
                #expect(isAlive(pid))
            }
            try await bench.order { $0.destroy(1) }
            #expect(try await bench.exit(1).signal == SIGKILL)
        }
    }

    private func connect(_ path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try #require(path.utf8.count < 108)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        return socket
    }
}
