import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ChoiceTests {
    @Test("Modules are named in any order, with shorthands for the usual ones")
    func choice() throws {
        #expect(try IsolationChoice("cgroups").required.isEmpty)
        #expect(try IsolationChoice("cgroups") == .cgroups)
        #expect(try IsolationChoice("processes").modules == [.process])
        let mixed = try IsolationChoice("seccomp,cgroups,namespace-pid")
        #expect(mixed.modules == [.process, .cgroupCPU, .cgroupMemory, .cgroupPids, .namespacePid, .seccomp])
        #expect(mixed.required == [.namespacePid, .seccomp])
        #expect(mixed.description == "cgroups,namespace-pid,seccomp")
        #expect(try IsolationChoice(mixed.description) == mixed)
        #expect(try IsolationChoice(IsolationChoice("cgroup-cpu").description).modules == [.process, .cgroupCPU])
    }

    @Test(
        "A name that is not known is an error that tells those that are", arguments: ["docker", "", "cgroups,", "CPU"])
    func unknown(text: String) {
        let error = #expect(throws: IsolationChoice.Invalid.self) { _ = try IsolationChoice(text) }
        for name in IsolationName.allCases { #expect(error?.description.contains(name.rawValue) == true) }
    }

    @Test("What cannot be had is left out of a shorthand, and is missed if it was named")
    func missing() throws {
        let host = CgroupHost(mountinfo: "") { _ in "" }
        var settings = IsolationSettings()
        #expect(Isolator(agent: "a", settings: settings, host: host).missing.isEmpty)
        settings.choice = try IsolationChoice("cgroups,cgroup-memory")
        let isolator = Isolator(agent: "a", settings: settings, host: host)
        #expect(
            isolator.missing == ["cgroup-memory: no control groups with \"memory\" that this agent may use"])
        #expect(isolator.summary == "process")
        settings.choice = try IsolationChoice("disk")
        #expect(Isolator(agent: "a", settings: settings, host: host).summary == "process; disk")
    }

    @Test("Without root there are no namespaces, and the reason is told", .enabled(if: !isRoot))
    func withoutRoot() throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("namespace-pid,capabilities,seccomp")
        let isolator = Isolator(agent: "a", settings: settings)
        #expect(isolator.missing == ["namespace-pid: namespaces need root, with CAP_SYS_ADMIN"])
        #expect(isolator.summary == "process; capabilities, no new ones; seccomp")
    }
}

/// What needs no root.
@Suite(.serialized) struct ModestModuleTests {
    @Test("Without root, too, a container gains no privileges and its system calls are filtered", arguments: kinds)
    func modest(cgroups: Bool) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice((cgroups ? "cgroups" : "processes") + ",capabilities,seccomp")
        try await Bench.run(settings: settings) { bench in
            let script = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'"
            let (_, output) = try await bench.result(1, script)
            #expect(output == "NoNewPrivs:1\nSeccomp:2\n")
        }
    }

    @Test("A supervisor from before these modules is not told to start a container with less than was asked for")
    func older() async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("capabilities")
        try await Bench.run(settings: settings) { bench in
            let program = "\(bench.directory)/old", file = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
            _ = Self.supervisorOfVersion1.withCString { write(file, $0, strlen($0)) }
            close(file)
            try await bench.stop()
            try await bench.start(supervisor: program)
            try await bench.launch(1, "echo less > here")
            #expect(
                try await bench.next(1)
                    == .launchFailed(
                        1,
                        message:
                            "The supervisor of its framework is an older one, which cannot isolate it as this agent wants."
                    ))
            #expect(bench.file(1, "here") == "")
        }
    }

    /// Leaves a process behind that holds the lock, and tells every agent that it is of version 1 and has nothing.
    private static let supervisorOfVersion1 = #"""
        #!/usr/bin/perl
        use Socket; use Fcntl ':flock'; use IO::Handle; use POSIX ();
        # What it inherits: every signal blocked, and the descriptors of the tests.
        POSIX::sigprocmask(POSIX::SIG_SETMASK(), POSIX::SigSet->new); POSIX::close($_) for 3 .. 1023;
        open(STDOUT, '>', '/dev/null'); alarm 60;
        chdir $ARGV[1] or die;
        pipe(R, W);
        if (fork) { close W; sysread(R, $_, 1) == 1 or die; exit 0 }
        open(L, '+>>', 'lock') or die; flock(L, LOCK_EX | LOCK_NB) or die; truncate(L, 0); L->autoflush(1); print L "$$\n";
        unlink 'socket'; socket(S, PF_UNIX, SOCK_STREAM, 0) or die; bind(S, sockaddr_un('socket')) or die; listen(S, 5);
        syswrite(W, '1'); close W;
        while (accept(C, S)) { syswrite(C, "\x06\x0a\x04\x08\x01\x10\x01"); while (sysread(C, $_, 4096)) {} }
        """#
}

/// Containers with modules on, looked at from inside.
@Suite(.serialized, .enabled(if: isRoot)) struct ModuleTests {
    static let all = "namespace-pid,namespace-mount,namespace-network,capabilities,seccomp"

    private func run(
        _ modules: String, cgroups: Bool = true, _ body: (Bench) async throws -> Void
    ) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice((cgroups ? "cgroups," : "processes,") + modules)
        let mounts = contents("/proc/self/mountinfo")
        try await Bench.run(settings: settings) { bench in
            #expect(bench.isolator.missing.isEmpty)
            try await body(bench)
        }
        #expect(contents("/proc/self/mountinfo") == mounts)
    }

    @Test("With every module on, codes, signals and output are those of the program", arguments: kinds)
    func ends(cgroups: Bool) async throws {
        try await self.run(Self.all, cgroups: cgroups) { bench in
            let (exit, output) = try await bench.result(1, "echo out; pwd; echo $MESETA_SANDBOX; echo err >&2; exit 7")
            #expect(exit.code == 7)
            #expect(output == "out\n\(bench.sandbox(1))\n\(bench.sandbox(1))\n")
            #expect(bench.file(1, "stderr") == "err\n")
            #expect(try await bench.result(2, "kill -SEGV $$").exit.signal == SIGSEGV)
            #expect(try await bench.result(3, "exit 0").exit.code == 0)
            let spec = bench.spec(4, CommandInfo(program: "/no/such/program", arguments: ["x"]))
            try await bench.order { $0.launch(spec) }
            let failure = "The program could not be executed: No such file or directory"
            #expect(try await bench.next(4) == .launchFailed(4, message: failure))
        }
    }

    @Test("A container sees its own processes alone, and its program is not the first", arguments: kinds)
    func pids(cgroups: Bool) async throws {
        try await self.run("namespace-pid", cgroups: cgroups) { bench in
            let (_, output) = try await bench.result(1, "echo $$; echo /proc/[0-9]*; cat /proc/1/comm; ls /proc/1/fd")
            #expect(output.hasPrefix("2\n/proc/1 /proc/2\nmeseta-init\n"))
            let descriptors = output.split(separator: "\n").dropFirst(3)
            #expect(descriptors == ["0", "1", "2", "3"])
        }
    }

    @Test("SIGTERM ends a program that does not expect it, though it is in a namespace of processes", arguments: kinds)
    func terminate(cgroups: Bool) async throws {
        try await self.run("namespace-pid", cgroups: cgroups) { bench in
            try await bench.launch(1, "exec sleep 100")
            try await bench.started(1)
            try await bench.order { $0.signal(1, SIGTERM) }
            #expect(try await bench.exit(1).signal == SIGTERM)
        }
    }

    @Test("A signal reaches each process in a namespace once, and one sent at once is not lost", arguments: kinds)
    func signals(cgroups: Bool) async throws {
        try await self.run("namespace-pid", cgroups: cgroups) { bench in
            let script = """
                trap 'echo first >> told' USR1
                setsid sh -c 'trap "echo second >> told" USR1; : > ready; while :; do sleep 0.01; done' &
                while [ ! -e done ]; do sleep 0.01; done; exit 4
                """
            try await bench.launch(1, script)
            try await bench.started(1)
            try await eventually { access("\(bench.sandbox(1))/ready", F_OK) == 0 }
            try await bench.order { $0.signal(1, SIGUSR1) }
            try await eventually { bench.file(1, "told").split(separator: "\n").count == 2 }
            close(creat("\(bench.sandbox(1))/done", 0o600))
            #expect(try await bench.exit(1).code == 4)
            #expect(bench.file(1, "told").split(separator: "\n").sorted() == ["first", "second"])
            for run in 2...RunID(20) {
                try await bench.launch(run, "exec sleep 100")
                try await bench.order { $0.signal(run, SIGTERM) }
                try await bench.started(run)
                #expect(try await bench.exit(run).signal == SIGTERM)
            }
        }
    }

    @Test("What is left in a namespace ends with the program, and orphans do not stay as zombies", arguments: kinds)
    func leftovers(cgroups: Bool) async throws {
        try await self.run(Self.all, cgroups: cgroups) { bench in
            let script = """
                for i in 1 2 3; do (sleep 0.02 &) ; done; sleep 0.2; grep -l '^State:.Z' /proc/[0-9]*/status
                trap '' TERM HUP; (setsid env -i sleep 100 &); (setsid sleep 101 &); exit 3
                """
            let (exit, output) = try await bench.result(1, script)
            #expect(exit.code == 3)
            #expect(output == "")
            #expect(processes(below: bench.sandbox(1)).isEmpty)
            try await bench.launch(2, "trap '' TERM; setsid sleep 102 & while :; do sleep 1; done")
            try await bench.started(2)
            try await bench.order { $0.destroy(2) }
            #expect(try await bench.exit(2).signal == SIGKILL)
        }
    }

    @Test("A container that is destroyed as soon as it is ordered leaves nothing", arguments: kinds)
    func destroyedAtOnce(cgroups: Bool) async throws {
        try await self.run(Self.all, cgroups: cgroups) { bench in
            for run in 1...RunID(20) {
                try await bench.launch(run, "exec sleep 100")
                if run % 2 == 0 { try await Task.sleep(for: .milliseconds(Int(run) / 4)) }
                try await bench.order { $0.destroy(run) }
                if case .started = try await bench.next(run) {
                    #expect(try await bench.exit(run).signal == SIGKILL)
                }
            }
        }
    }

    @Test("/tmp is a container's own, in its sandbox, and goes to nobody else")
    func temporary() async throws {
        try await self.run("namespace-mount") { bench in
            let name = "of-\(getpid())"
            _ = try await bench.result(1, "echo one > /tmp/\(name); echo two > /dev/shm/\(name)")
            #expect(bench.file(1, ".tmp/\(name)") == "one\n")
            #expect(access("/tmp/\(name)", F_OK) != 0)
            #expect(access("/dev/shm/\(name)", F_OK) != 0)
            let (_, output) = try await bench.result(2, "ls /tmp/\(name); ls -A /dev/shm; stat -c %a /tmp; touch x; ls")
            #expect(output == "1777\nstderr\nstdout\nx\n")
            #expect(access("\(bench.sandbox(2))/x", F_OK) == 0)
        }
    }

    @Test("What a container mounts nobody else sees, and it is gone with the container")
    func mounts() async throws {
        try await self.run("namespace-mount") { bench in
            let (exit, _) = try await bench.result(1, "mkdir m && mount -t tmpfs none m && touch m/inside")
            #expect(exit.code == 0)
            #expect(names("\(bench.sandbox(1))/m").isEmpty)
        }
    }

    @Test("Root in a container keeps the listed capabilities, and others none")
    func capabilities() async throws {
        try await self.run("capabilities") { bench in
            let script = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr -d '\\t'"
            let (_, output) = try await bench.result(1, script)
            #expect(
                output == """
                    CapInh:0000000000000000
                    CapPrm:00000000a80425fb
                    CapEff:00000000a80425fb
                    CapBnd:00000000a80425fb
                    CapAmb:0000000000000000
                    NoNewPrivs:1

                    """)
            let spec = bench.spec(2, CommandInfo(shell: script), user: "daemon")
            try await bench.order { $0.launch(spec) }
            try await bench.started(2)
            #expect(try await bench.exit(2).code == 0)
            #expect(bench.file(2, "stdout").contains("CapEff:0000000000000000\nCapBnd:00000000a80425fb\n"))
            #expect(try await bench.result(3, "mount -t tmpfs none .").exit.code != 0)
        }
    }

    @Test("System calls that change the machine are refused, and programs that make threads run")
    func filter() async throws {
        try await self.run("seccomp") { bench in
            #if arch(x86_64)
                let load = 246
            #else
                let load = 104
            #endif
            // No segments: of a kernel that is loaded nothing would be left, and here none is.
            let script = """
                grep '^Seccomp:' /proc/self/status | tr -d '\\t'
                perl -e 'syscall(\(load), 0, 0, 0, 0); print $!+0, "\\n"'
                mount -t tmpfs none . 2>/dev/null || echo no mount
                unshare -U true 2>/dev/null || echo no namespace
                date -s @0 >/dev/null 2>&1 || echo no clock
                (echo a; echo b) | sort -r | head -1
                """
            let (exit, output) = try await bench.result(1, script)
            #expect(exit.code == 0)
            #expect(output == "Seccomp:2\n1\nno mount\nno namespace\nno clock\nb\n")
        }
    }

    @Test("A task has a loopback and no other network; an executor has the machine's")
    func network() async throws {
        try await self.run("namespace-network") { bench in
            let script = """
                tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
                perl -MSocket -e 'socket(A, PF_INET, SOCK_STREAM, 0); bind(A, sockaddr_in(0, INADDR_LOOPBACK));
                    listen(A, 1); socket(B, PF_INET, SOCK_STREAM, 0); print connect(B, getsockname(A)) ? "up\\n" : "$!\\n"'
                """
            #expect(try await bench.result(1, script).output == "lo\nup\n")
            var spec = bench.spec(2, CommandInfo(shell: "readlink /proc/self/ns/net"))
            (spec.executorID, spec.taskID) = (ExecutorID("e"), nil)
            let ready = spec
            try await bench.order { $0.launch(ready) }
            try await bench.started(2)
            _ = try await bench.exit(2)
            #expect(bench.file(2, "stdout") == Self.link("/proc/self/ns/net") + "\n")
        }
    }

    @Test("Isolated containers survive the agent, and none survives its supervisor", arguments: kinds)
    func lives(cgroups: Bool) async throws {
        try await self.run(Self.all, cgroups: cgroups) { bench in
            try await bench.launch(1, "while [ ! -e stop ]; do sleep 0.01; done; exit 5")
            let pid = try await bench.started(1)
            try await bench.stop()
            #expect(try await bench.start() == [RecoveredRun(runID: 1, .running(pid: pid))])
            close(creat("\(bench.sandbox(1))/stop", 0o600))
            #expect(try await bench.exit(1).code == 5)
            try await bench.launch(2, "(setsid sleep 100 &); sleep 100")
            let second = try await bench.started(2)
            try await eventually { processes(below: bench.sandbox(2)).count >= 3 }
            kill(try #require(bench.supervisor()), SIGKILL)
            #expect(try await bench.exit(2).cause == .supervisorLost)
            #expect(!isAlive(second))
            #expect(processes(below: bench.sandbox(2)).isEmpty)
        }
    }

    private static func link(_ path: String) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
