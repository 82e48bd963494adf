import Isolation
import Model
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How containers are isolated: with control groups where the tests may use them, and by process alone.
let kinds = [true, false]

@Suite(.serialized) struct ContainerTests {
    @Test("A command task ends with its exit code, and its output is in its sandbox", arguments: kinds)
    func exitCode(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            let (exit, output) = try await bench.result(1, "echo out; echo err >&2; pwd; exit 7")
            #expect(exit.code == 7)
            #expect(exit.cause == .itself)
            #expect(output == "out\n\(bench.sandbox(1))\n")
            #expect(bench.file(1, "stderr") == "err\n")
            let (second, _) = try await bench.result(2, "exit 0")
            #expect(second.code == 0)
        }
    }

    @Test("A program gets its arguments as they are, and no shell looks at them")
    func arguments() async throws {
        try await Bench.run { bench in
            let command = CommandInfo(program: "/bin/echo", arguments: ["echo", "$HOME", "a b", "*"])
            let spec = bench.spec(1, command)
            try await bench.order { $0.launch(spec) }
            try await bench.started(1)
            #expect(try await bench.exit(1).code == 0)
            #expect(bench.file(1, "stdout") == "$HOME a b *\n")
        }
    }

    @Test("A container has the environment that it was given, PATH, and its sandbox's name")
    func environment() async throws {
        try await Bench.run { bench in
            var spec = bench.spec(
                1, CommandInfo(shell: "echo $COLOUR; echo $MESETA_SANDBOX; echo ${PATH:+path}; echo $SECRET"))
            spec.environment = ["COLOUR": "green"]
            setenv("SECRET", "of the agent", 1)
            let ready = spec
            try await bench.order { $0.launch(ready) }
            try await bench.started(1)
            _ = try await bench.exit(1)
            #expect(bench.file(1, "stdout") == "green\n\(bench.sandbox(1))\npath\n\n")
        }
    }

    @Test("A container has a session of its own, no descriptors of others, and no signal blocked or ignored")
    func cleanStart() async throws {
        try await Bench.run { bench in
            let script = """
                ls /proc/self/fd | tr '\\n' ' '; readlink /proc/$$/fd/0; grep -E 'Sig(Blk|Ign)' /proc/self/status
                ps -o sid= -p $$ | tr -d ' '; echo $$
                """
            let (_, output) = try await bench.result(1, script)
            let lines = output.split(separator: "\n")
            // The fourth is the directory that ls reads.
            #expect(lines[0] == "0 1 2 3 /dev/null")
            for line in lines[1...2] {
                let mask = try #require(UInt64(line.split(separator: "\t")[1], radix: 16))
                // 32 and 33 are the C library's own.
                #expect(mask & ~(3 << 31) == 0)
            }
            #expect(lines[3] == lines[4])
        }
    }

    @Test("A signal reaches every process of a container, and ends it", arguments: kinds)
    func signal(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "sleep 100 & echo $! > child; wait")
            try await bench.started(1)
            let child = try #require(Int32(try await bench.content(1, "child").filter(\.isNumber)))
            try await bench.order { $0.signal(1, SIGTERM) }
            let exit = try await bench.exit(1)
            #expect(exit.signal == SIGTERM)
            #expect(!isAlive(child))
        }
    }

    @Test("A destroyed container leaves nothing, not even what left its session and ignores signals", arguments: kinds)
    func destroy(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            // The first is ended while it starts, the second when all of it is there.
            let script = """
                trap '' TERM HUP
                setsid sh -c 'echo $$ > stray; while :; do sleep 1; done' &
                (setsid sleep 101 &)
                while :; do sleep 1; done
                """
            try await bench.launch(1, script)
            try await bench.order { $0.destroy(1) }
            _ = try await bench.next(1)
            try await bench.launch(2, script)
            try await bench.started(2)
            let pid = try #require(Int32(try await bench.content(2, "stray").filter(\.isNumber)))
            #expect(isAlive(pid))
            try await bench.order { $0.signal(2, SIGTERM) }
            try await Task.sleep(for: .milliseconds(50))
            #expect(isAlive(pid))
            try await bench.order { $0.destroy(2) }
            let exit = try await bench.exit(2)
            #expect(exit.signal == SIGKILL)
            #expect(exit.cause == .itself)
            #expect(!isAlive(pid))
            #expect(processes(below: bench.directory).isEmpty)
        }
    }

    @Test("What a task leaves in the background ends with it, and only then is its end told", arguments: kinds)
    func background(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(9, "while :; do sleep 1; done")
            try await bench.started(9)
            let (exit, output) = try await bench.result(
                1, "(setsid sleep 100 & echo $!); setsid sleep 101 & sleep 102 & exit 3")
            #expect(exit.code == 3)
            #expect(!isAlive(try #require(Int32(output.filter(\.isNumber)))))
            #expect(processes(below: bench.sandbox(1)).isEmpty)
            #expect(!processes(below: bench.sandbox(9)).isEmpty)
            try await bench.order { $0.destroy(9) }
            _ = try await bench.exit(9)
        }
    }

    @Test("A program that is not there fails to launch, and the reason is told")
    func missingProgram() async throws {
        try await Bench.run { bench in
            let spec = bench.spec(1, CommandInfo(program: "/no/such/program", arguments: ["x"]))
            try await bench.order { $0.launch(spec) }
            let event = try await bench.next(1)
            #expect(event == .launchFailed(1, message: "The program could not be executed: No such file or directory"))
            let directory = bench.spec(2, CommandInfo(program: "/tmp", arguments: ["x"]))
            try await bench.order { $0.launch(directory) }
            #expect(
                try await bench.next(2)
                    == .launchFailed(2, message: "The program could not be executed: Permission denied"))
        }
    }

    @Test("A container of a user that is not there is not started, as nobody else either")
    func unknownUser() async throws {
        try await Bench.run { bench in
            let spec = bench.spec(1, CommandInfo(shell: "id"), user: "nobody-at-all")
            try await bench.order { $0.launch(spec) }
            let event = try await bench.next(1)
            #expect(event == .launchFailed(1, message: "there is no user \"nobody-at-all\" on this agent"))
            #expect(bench.file(1, "stdout") == "")
        }
    }

    @Test("A container runs as the user it names, with that user's groups, and owns its sandbox")
    func user() async throws {
        try await Bench.run { bench in
            let spec = bench.spec(1, CommandInfo(shell: "id -un; id -G; touch mine && echo $HOME"), user: "daemon")
            try await bench.order { $0.launch(spec) }
            guard isRoot else {
                #expect(
                    try await bench.next(1)
                        == .launchFailed(1, message: "the agent does not run as root, so nothing can run as \"daemon\"")
                )
                return
            }
            try await bench.started(1)
            #expect(try await bench.exit(1).code == 0)
            #expect(bench.file(1, "stdout") == "daemon\n1\n/usr/sbin\n")
        }
    }

    @Test("A sandbox outside the work directory is refused", arguments: ["..", ".", "", "a/b", "x\0y"])
    func sandboxEscape(name: String) async throws {
        try await Bench.run { bench in
            var spec = bench.spec(1, CommandInfo(shell: "echo here"))
            spec.sandbox = ["frameworks", name, "runs", "1"]
            let ready = spec
            try await bench.order { $0.launch(ready) }
            guard case .launchFailed = try await bench.next(1) else {
                Issue.record("launched")
                return
            }
        }
    }

    @Test("Many containers at once each end as they should")
    func many() async throws {
        try await Bench.run { bench in
            for run in 1...RunID(100) { try await bench.launch(run, "exit \(run % 50)") }
            for run in 1...RunID(100) {
                try await bench.started(run)
                #expect(try await bench.exit(run).code == Int32(run % 50))
            }
        }
    }
}
