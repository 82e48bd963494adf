import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How a container comes to its end.
enum Ending: CaseIterable {
    /// Its program exits and leaves the rest behind.
    case byItself
    /// Everything in it is told to end, which it ignores, and then it is destroyed.
    case destroyed
}

/// Containers that do what they can to leave something behind, beside one of their framework that runs on.
@Suite(.serialized) struct NothingLeftTests {
    /// Every way to hold a container: plain, by control groups, and in namespaces, with and without privileges.
    static let sets =
        isRoot
        ? [
            "processes", "cgroups", "processes,namespace-pid,namespace-mount,namespace-network",
            "cgroups,namespace-pid,namespace-mount,namespace-network", "cgroups,\(ModuleTests.all)",
        ] : ["processes"]

    /// Ignores every signal that it can, and leaves its session, its parent, its control groups and its directory.
    ///
    /// The last of its processes is never the same for long. With `mounts` it also uses what its namespaces give it.
    private static func script(mark: String, mounts: Bool) -> String {
        """
        trap '' TERM HUP INT QUIT USR1
        cut -d: -f1,3 /proc/self/cgroup | while IFS=: read number path; do
            for mount in /sys/fs/cgroup/*; do
                case "$path" in */supervisors*) continue ;; */meseta/*) ;; *) continue ;; esac
                [ -e "$mount$path/cgroup.procs" ] && mkdir -p "$mount$path/own/deeper" || continue
                setsid sleep 1001 & echo $! > "$mount$path/own/deeper/cgroup.procs" && echo "$mount$path/own" >> groups
            done
        done
        \(mounts ? "touch /tmp/\(mark) /dev/shm/\(mark); mkdir m; mount -t tmpfs none m && touch m/x; ipcmk -M 4096" : "")
        (setsid sh -c 'trap "" TERM HUP; exec 9> held; (while :; do sleep 1; done) & while :; do sleep 1; done' &)
        (setsid perl -e '$SIG{TERM} = "IGNORE"; for (;;) { exit if fork; select(undef, undef, undef, 0.001) }' &)
        (cd / && setsid sleep 1002 > /dev/null 2>&1 < /dev/null &)
        echo all > ready
        until [ -e go ]; do sleep 0.05; done
        exit 3
        """
    }

    @Test(
        "Of a container that hides its processes, makes groups and mounts, and ignores signals, nothing is left",
        arguments: NothingLeftTests.sets, Ending.allCases)
    func nothing(modules: String, ending: Ending) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice(modules)
        let mark = "meseta-left-\(getpid())", mounts = modules.contains("namespace-mount")
        let mountsBefore = contents("/proc/self/mountinfo"), memoryBefore = contents("/proc/sysvipc/shm")
        try await Bench.run(settings: settings) { bench in
            #expect(bench.isolator.missing.isEmpty)
            try await bench.launch(9, "while :; do sleep 1; done")
            try await bench.started(9)
            _ = try await bench.result(8, "exit 0")
            let supervisor = try #require(bench.supervisor())
            let descriptors = names("/proc/\(supervisor)/fd").count

            try await bench.launch(1, Self.script(mark: mark, mounts: mounts))
            try await bench.started(1)
            _ = try await bench.content(1, "ready")
            let groups = bench.file(1, "groups").split(separator: "\n").map(String.init)
            #expect(groups.isEmpty == modules.hasPrefix("processes"))
            #expect(processes(below: bench.sandbox(1)).count > 3)
            switch ending {
            case .byItself: close(open("\(bench.sandbox(1))/go", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644))
            case .destroyed:
                try await bench.order { $0.signal(1, SIGTERM) }
                try await Task.sleep(for: .milliseconds(20))
                #expect(!processes(below: bench.sandbox(1)).isEmpty)
                try await bench.order { $0.destroy(1) }
            }
            let exit = try await bench.exit(1)
            #expect(ending == .byItself ? exit.code == 3 : exit.signal == SIGKILL)

            #expect(processes(below: bench.sandbox(1)).isEmpty)
            #expect(!processes(below: bench.sandbox(9)).isEmpty)
            try await eventually { names("/proc/\(supervisor)/fd").count <= descriptors }
            try await eventually { groups.allSatisfy { access($0, F_OK) != 0 } }
            let children = contents("/proc/\(supervisor)/task/\(supervisor)/children") ?? ""
            #expect(children.split(separator: " ").count == 1, "the first process of run 9 alone")
            #expect(contents("/proc/\(supervisor)/mountinfo") == mountsBefore)
            for directory in ["/tmp", "/dev/shm"] { #expect(access("\(directory)/\(mark)", F_OK) != 0) }
            try await bench.order { $0.destroy(9) }
            _ = try await bench.exit(9)
        }
        #expect(contents("/proc/self/mountinfo") == mountsBefore)
        #expect(contents("/proc/sysvipc/shm") == memoryBefore)
    }

    /// Has a child that root moves out of all control groups of the run, and waits.
    private static let leaver = """
        setsid sh -c 'for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
            [ -e $group/cgroup.procs ] && echo $$ > $group/cgroup.procs
        done; echo $$ > left; while :; do sleep 1; done' &
        until [ -e go ]; do sleep 0.05; done
        """

    /// Starts it, and waits until the child is where the run's group does not show it; its pid.
    private static func startLeaver(_ run: RunID, _ bench: Bench) async throws -> Int32 {
        try await bench.launch(run, Self.leaver)
        try await bench.started(run)
        let pid = try #require(Int32(try await bench.content(run, "left").filter(\.isNumber)))
        let listed = try #require(bench.group(run).flatMap { contents("\($0)/cgroup.procs") })
        #expect(!listed.split(separator: "\n").contains("\(pid)"))
        return pid
    }

    @Test(
        "A process that root has moved out of its control groups ends with its task, and no other's does",
        .enabled(if: isRoot), arguments: Ending.allCases)
    func leaver(ending: Ending) async throws {
        try await Bench.run { bench in
            let others = try await Self.startLeaver(9, bench), pid = try await Self.startLeaver(1, bench)
            switch ending {
            case .byItself: close(open("\(bench.sandbox(1))/go", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644))
            case .destroyed: try await bench.order { $0.destroy(1) }
            }
            _ = try await bench.exit(1)
            #expect(!isAlive(pid))
            #expect(processes(below: bench.sandbox(1)).isEmpty)
            #expect(isAlive(others))
            try await bench.order { $0.destroy(9) }
            _ = try await bench.exit(9)
            #expect(!isAlive(others))
        }
    }

    @Test("... also when its supervisor has been killed", .enabled(if: isRoot))
    func leaverOfDeadSupervisor() async throws {
        try await Bench.run { bench in
            let pid = try await Self.startLeaver(1, bench)
            kill(try #require(bench.supervisor()), SIGKILL)
            _ = try await bench.exit(1)
            #expect(!isAlive(pid))
        }
    }
}
