import Foundation
import TestSupport
import Testing

/// What tasks may do, on a cluster of real processes.
@Suite("Tasks with limits, capabilities and ports of their own", .serialized, .enabled(if: geteuid() == 0))
struct TaskRightsTests {
    @Test("A task has the limits and capabilities that it asks for, and one that asks for too much is told")
    func rights() throws {
        let agent = try OwnAgent("cpus:1;mem:256;disk:64", ["--isolation", "cgroups,capabilities"])
        defer { agent.stop() }
        let small = try agent.cluster.meseta([
            "run", "--ulimit", "nofile=64:128", "--ulimit", "core=0", "--cap-drop", "ALL", "--cap-add", "kill", "--",
            "sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c; grep CapEff /proc/self/status",
        ])
        #expect(small.output == "64\n128\n0\nCapEff:\t0000000000000020\n", "\(small.errors)\(agent.log)")
        let endless = try agent.cluster.meseta(["run", "--ulimit", "nofile=unlimited", "--", "true"])
        #expect(endless.status == 1)
        #expect(endless.errors.contains("The limit nofile is at most "), "\(endless.errors)")
        let mighty = try agent.cluster.meseta(["run", "--cap-add", "SYS_ADMIN", "--", "true"])
        #expect(mighty.status == 1)
        #expect(mighty.errors.contains("It asks for the capabilities SYS_ADMIN"), "\(mighty.errors)")
        for (flags, complaint) in [
            (["--ulimit", "nofile=2:1"], "above the hard one"), (["--cap-add", "FLY"], "'FLY' is no capability"),
            (["--ulimit", "core=1", "--ulimit", "core=2"], "has two limits of core"),
        ] {
            let wrong = try agent.cluster.meseta(["run"] + flags + ["--", "true"])
            #expect(wrong.status == 64 && wrong.errors.contains(complaint), "\(wrong.status) \(wrong.errors)")
        }
    }

    @Test("A task that listens on a port which is not its own fails, and the port is told")
    func ports() throws {
        let agent = try OwnAgent(
            "cpus:1;mem:256;disk:64;ports:[20000-31000]",
            ["--isolation", "cgroups,ports", "--ports-check-interval", "1s"])
        defer { agent.stop() }
        let listener = """
            socket(S, PF_INET, SOCK_STREAM, 0);
            for ($port = 20000 + $$ % 5000; !bind(S, sockaddr_in($port, INADDR_LOOPBACK)); $port++) {}
            listen(S, 1); $| = 1; print "$port\\n"; sleep 100
            """
        let run = try agent.cluster.meseta(["run", "--", "perl", "-MSocket", "-e", listener], seconds: 60)
        #expect(run.status != 0)
        let port = run.output.filter(\.isNumber)
        #expect(
            run.errors.contains("It listened on port \(port), which is not its own: it was given no ports."),
            "\(run.errors)\(agent.log)")
    }

    @Test("An agent that cannot keep what its flags promise does not start, and says what to do")
    func flags() throws {
        let agent = try OwnAgent("cpus:1;mem:256;disk:64")
        defer { agent.stop() }
        agent.process?.end()
        for (flags, status, complaint) in [
            (
                ["--isolation", "cgroups", "--io-limit", "read-bps=1MiB"], 64,
                "--io-limit needs --isolation with cgroup-io"
            ),
            (["--isolation", "cgroups,cgroup-io", "--io-limit", "speed=1"], 64, "is none of read-bps=N"),
            (["--isolation", "cgroups,ports", "--ports-check-interval", "1ms"], 64, "is at least 1s"),
            (["--isolation", "cgroups,gpu", "--gpu-devices", "/dev/none"], 64, "/dev/none cannot be looked at"),
            (["--isolation", "cgroups,gpu", "--resources", "cpus:1;mem:256;gpus:64"], 1, "--gpu-devices"),
            (["--allowed-capabilities", "FLY", "--isolation", "capabilities"], 64, "\"FLY\" is no capability"),
        ] as [([String], Int32, String)] {
            let refused = try agent.run(flags)
            #expect(refused.status == status, "\(flags) \(refused.output)\(refused.errors)")
            #expect((refused.output + refused.errors).contains(complaint), "\(refused.output)\(refused.errors)")
        }
    }
}
