import Foundation
import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite(.serialized) struct UsageTests {
    private static let disk: IsolationSettings = {
        var settings = IsolationSettings()
        settings.choice = try! IsolationChoice("cgroups,disk")
        return settings
    }()

    /// A container with a quota of 20 MB.
    private static func spec(_ bench: Bench, _ run: RunID, _ script: String) -> ContainerSpec {
        var spec = bench.spec(run, CommandInfo(shell: script))
        spec.resources = "cpus:0.5;mem:64;disk:20"
        return spec
    }

    @Test("A container that fills its disk is ended within two seconds, and the limit and its use are told")
    func diskFiller() async throws {
        try await Bench.run(settings: Self.disk) { bench in
            let script = "while :; do head -c 4000000 /dev/zero >> big; sleep 0.1; done"
            let spec = Self.spec(bench, 1, script)
            try await bench.order { $0.launch(spec) }
            try await bench.started(1)
            try await eventually { bytes(of: bench.sandbox(1) + "/big") > 20 << 20 }
            let full = ContinuousClock.now
            let exit = try await bench.exit(1)
            #expect(ContinuousClock.now - full < .seconds(2))
            #expect(exit.cause == .diskLimit)
            #expect(exit.message.hasPrefix("The sandbox outgrew its disk: the limit is 20 MB, it had "))
            let used = try #require(exit.limitation)
            #expect(used.disk > 20_000 && used == Resources(milliCPU: 0, milliMBDisk: used.disk))
            #expect(contents(bench.directory + "/limits/1") == nil)
        }
    }

    @Test("A quota counts again after a restart of the agent, and so does one that broke during it")
    func diskFillerAfterRestart() async throws {
        try await Bench.run(settings: Self.disk) { bench in
            let spec = Self.spec(
                bench, 1, "while ! test -e go; do sleep 0.01; done; head -c 30000000 /dev/zero > big; sleep 100")
            try await bench.order { $0.launch(spec) }
            try await bench.started(1)
            try await bench.stop()
            #expect(try await bench.start().map(\.runID) == [1])
            try await bench.order { $0.adopt(spec) }
            close(creat(bench.sandbox(1) + "/go", 0o644))
            #expect(try await bench.exit(1).cause == .diskLimit)

            let other = Self.spec(bench, 2, "exec sleep 100")
            try await bench.order { $0.launch(other) }
            let pid = try await bench.started(2)
            try await bench.stop()
            // As if the agent had died between its decision and the end.
            try LimitMarks(below: bench.directory).add(
                Limitation(cause: .diskLimit, message: "Too much.", used: "disk:21.5"), to: 2)
            kill(pid, SIGKILL)
            try await eventually { !isAlive(pid) }
            let found = try await bench.start()
            #expect(
                found.first { $0.runID == 2 }?.fate
                    == .exited(.init(status: 9, cause: .diskLimit, message: "Too much.", limitation: "disk:21.5")))
        }
    }

    @Test("Why a container is ended is read as it was written, by earlier versions, too")
    func marks() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("marks-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let marks = LimitMarks(below: directory)
        let known = Limitation(cause: .memoryLimit, message: "Two\nlines: the peak.", used: "mem:64")
        try marks.add(known, to: 1)
        #expect(marks.limitation(of: 1) == known)
        let unknown = Limitation(cause: .limitation, message: "Something else.")
        try marks.add(unknown, to: 2)
        #expect(marks.limitation(of: 2) == unknown)
        try "disk Too much.".write(toFile: directory + "/limits/3", atomically: false, encoding: .utf8)
        // What is there is looked at once, when an agent starts.
        #expect(marks.limitation(of: 3) == nil)
        let later = LimitMarks(below: directory)
        #expect(later.limitation(of: 3) == Limitation(cause: .diskLimit, message: "Too much."))
        try "gone Too much.".write(toFile: directory + "/limits/4", atomically: false, encoding: .utf8)
        try "".write(toFile: directory + "/limits/5", atomically: false, encoding: .utf8)
        #expect([3, 4, 5, 6].filter { later.limitation(of: $0) == nil } == [4, 5, 6])
        later.removeAll(except: [2, 3])
        #expect(later.limitation(of: 1) == nil && later.limitation(of: 2) == unknown)
        later.remove(3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/limits") == ["2"])
    }

    @Test("Bytes are counted in thousandths of a megabyte, up")
    func milliMB() {
        #expect([0, 1, 1 << 20, (1 << 20) + 1, 3 << 19].map(Resources.milliMB) == [0, 1, 1000, 1001, 1500])
        #expect(Resources.milliMB(.max) == Resources.scalarLimit)
    }

    @Test("A container without disk has no quota, and one that was given more may have more")
    func noQuota() async throws {
        try await Bench.run(settings: Self.disk) { bench in
            try await bench.launch(1, "head -c 30000000 /dev/zero > big; sleep 2.5")
            let spec = Self.spec(bench, 2, "sleep 0.5; head -c 30000000 /dev/zero > big; sleep 2")
            try await bench.order { $0.launch(spec) }
            try await bench.started(2)
            try await bench.order { $0.update(2, "cpus:0.5;mem:64;disk:50") }
            try await bench.started(1)
            #expect(try await bench.exit(1) == ContainerExit(status: 0))
            #expect(try await bench.exit(2) == ContainerExit(status: 0))
        }
    }

    @Test("What each container uses is looked at every second", .enabled(if: hasCgroups))
    func report() async throws {
        try await Bench.run(settings: Self.disk) { bench in
            let spec = Self.spec(bench, 1, "head -c 5000000 /dev/zero > big; while :; do :; done")
            try await bench.order { $0.launch(spec) }
            try await bench.started(1)
            try await eventually { (try? await bench.report().containers.first?.cores) ?? nil != nil }
            let container = try #require(try await bench.report().containers.first)
            #expect(container.runID == 1 && container.taskID == "t1" && container.frameworkID == "F")
            #expect(try #require(container.cores) > 0.05)
            #expect(try #require(container.usage.cpuTime) > .milliseconds(50))
            #expect(try #require(container.usage.processes) >= 1)
            #expect(try #require(container.usage.memoryPeakBytes) >= container.usage.memoryBytes ?? .max)
            #expect((5_000_000...6_000_000).contains(try #require(container.usage.diskBytes)))
            #expect(container.usage.diskQuotaBytes == 20 << 20)
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
            #expect(try await bench.report().containers.isEmpty)
        }
    }

    @Test(
        "Where the kernel takes one process of several for want of memory, all of the container go",
        .enabled(if: hasCgroups))
    func partlyOutOfMemory() async throws {
        try await Bench.run { bench in
            let script = "sleep 100 & (head -c 300000000 /dev/zero | tail -c 250000000 > /dev/null); wait"
            try await bench.launch(1, script)
            try await bench.started(1)
            let exit = try await bench.exit(1)
            #expect(exit.cause == .memoryLimit)
            #expect(exit.message.contains("the limit is 64 MB"))
        }
    }

    @Test("A walk counts what is on the disk: names once, holes not at all, links not followed, in steps")
    func walk() throws {
        var template = Array("/tmp/meseta-walk-XXXXXX".utf8CString)
        let top = String(cString: mkdtemp(&template))
        defer { remove(top) }
        let script = """
            cd \(top)
            mkdir -p a/b/c d; head -c 1000000 /dev/zero > a/b/c/file; ln a/b/c/file d/again
            truncate -s 1G d/hole; ln -s /usr d/link; for i in $(seq 300); do mkdir d/$i; : > d/$i/x; done
            deep=.; for i in $(seq 200); do deep=$deep/0123456789012345678901234; done; mkdir -p a/b/$(echo $deep | cut -c1-3800)
            """
        #expect(system(script) == 0)
        let whole = try #require(DiskWalk(of: top))
        while !whole.step(entries: 1_000_000) {}
        let stepwise = try #require(DiskWalk(of: top))
        var steps = 1
        while !stepwise.step(entries: 7) { steps += 1 }
        #expect(steps > 50)
        #expect(stepwise.bytes == whole.bytes)
        #expect((1_000_000..<4_000_000).contains(whole.bytes))
        #expect(DiskWalk(of: top + "/d/link") == nil)
        #expect(DiskWalk(of: top + "/missing") == nil)
    }

    @Test("A walk goes on where a directory is moved away under it")
    func movedAway() throws {
        var template = Array("/tmp/meseta-walk-XXXXXX".utf8CString)
        let top = String(cString: mkdtemp(&template))
        defer { remove(top) }
        #expect(system("cd \(top) && mkdir -p a/b/c/d e/f && head -c 1000000 /dev/zero > e/f/file") == 0)
        for entries in 1...12 {
            let walk = try #require(DiskWalk(of: top))
            _ = walk.step(entries: entries)
            #expect(system("cd \(top) && mv a/b e/moved") == 0)
            while !walk.step(entries: 1) {}
            #expect(walk.bytes >= 1_000_000, "after \(entries) entries")
            #expect(system("cd \(top) && mv e/moved a/b") == 0)
        }
    }

    @Test("The kernel's words about pressure are read")
    func pressure() {
        let text = "some avg10=1.50 avg60=0.10 avg300=0.00 total=123\nfull avg10=0.70 avg60=0.00 avg300=0.00 total=1\n"
        #expect(NodePressure.stall(in: text) == 0.015)
        #expect(NodePressure.stall(in: "") == nil)
        #expect(NodePressure.load() != nil)
        #expect(try! #require(NodePressure.read().memoryTotal) > 1 << 20)
    }

    @Test("A report as JSON leaves out what is not known")
    func json() {
        var container = UsageReport.Container(
            ContainerSpec(
                runID: 7, frameworkID: "F\"", taskID: "t", command: CommandInfo(shell: "true"), resources: "cpus:0.5",
                sandbox: ["x"]))
        container.usage.cpuTime = .milliseconds(1500)
        container.usage.diskBytes = 4096
        let report = UsageReport(containers: [container])
        let json = report.json(agent: nil, name: "n", total: "cpus:2", node: NodePressure.nothing)
        #expect(
            json == #"""
                {"agent":{"name":"n"},"node":{"cpus":2.0,"pressure":{}},"totals":{"containers":1,"cpu_cores":0.0,\#
                "memory_bytes":0,"disk_bytes":4096,"processes":0},"containers":[{"framework":"F\"","task":"t","run":7,\#
                "cpus":0.5,"cpu_seconds":1.5,"disk_bytes":4096}]}

                """#)
    }
}

private func bytes(of path: String) -> Int64 {
    var about = stat()
    return stat(path, &about) == 0 ? Int64(about.st_size) : 0
}

extension NodePressure {
    /// Of a kernel that tells nothing.
    fileprivate static let nothing = NodePressure(load: nil, stalls: [], memoryTotal: nil, memoryAvailable: nil)
}

private func system(_ script: String) -> Int32 {
    var pid: pid_t = 0
    let words = ["sh", "-c", script]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    guard posix_spawn(&pid, "/bin/sh", nil, nil, &arguments, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
}
