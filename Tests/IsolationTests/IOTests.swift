import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Whether the disk that `/tmp` is on can be bounded here, by control groups of version 1.
private let hasDisk: Bool = {
    guard hasCgroups, CgroupHost.detect().hierarchy(of: "io")?.version == 1 else { return false }
    return (try? BlockDevice.holding("/tmp")) != nil
}()

@Suite struct IOLimitTests {
    @Test("A limit is a list of bounds, in bytes or requests, and is written as it can be read again")
    func limits() throws {
        let limit = try IOLimit("write-bps=10MiB,read-iops=500")
        #expect(limit.writeBytes == 10 << 20)
        #expect(limit.reads == 500)
        #expect(limit.readBytes == nil && limit.writes == nil)
        #expect(limit.description == "write-bps=10485760,read-iops=500")
        #expect(try IOLimit(limit.description) == limit)
        #expect(try IOLimit("read-bps=1").readBytes == 1)
    }

    @Test(
        "What is no bound is an error that says how one looks",
        arguments: [
            ("", "\"\" is none of read-bps=N, write-bps=N, read-iops=N, write-iops=N"),
            ("bps=1", "\"bps=1\" is none of read-bps=N, write-bps=N, read-iops=N, write-iops=N"),
            ("read-bps", "\"read-bps\" is none of read-bps=N, write-bps=N, read-iops=N, write-iops=N"),
            ("read-bps=1,read-bps=2", "read-bps is there twice"),
            ("read-bps=0", "\"read-bps=0\" is no whole number above 0; bytes may end in KiB, MiB or GiB"),
            ("read-bps=-1", "\"read-bps=-1\" is no whole number above 0; bytes may end in KiB, MiB or GiB"),
            ("read-bps=1.5", "\"read-bps=1.5\" is no whole number above 0; bytes may end in KiB, MiB or GiB"),
            ("read-iops=1KiB", "\"read-iops=1KiB\" is no whole number above 0; bytes may end in KiB, MiB or GiB"),
            (
                "read-bps=9999999999999GiB",
                "\"read-bps=9999999999999GiB\" is no whole number above 0; bytes may end in KiB, MiB or GiB"
            ),
        ] as [(String, String)])
    func invalid(text: String, message: String) {
        let error = #expect(throws: IOLimit.Invalid.self) { _ = try IOLimit(text) }
        #expect(error?.description == message)
    }
}

@Suite struct BlockDeviceTests {
    @Test("A partition stands for its whole disk, and what is on no disk is told")
    func partitions() throws {
        var template = Array("/tmp/meseta-blocks-XXXXXX".utf8CString)
        let root = String(cString: mkdtemp(&template))
        defer { remove(root) }
        let script = """
            cd \(root) && mkdir -p devices/sda/sda1 devices/sda/queue devices/dm-0 numbers
            echo 8:0 > devices/sda/dev; echo 8:1 > devices/sda/sda1/dev; echo 1 > devices/sda/sda1/partition
            echo 'none mq-deadline [bfq]' > devices/sda/queue/scheduler; echo 253:0 > devices/dm-0/dev
            ln -s ../devices/sda numbers/8:0; ln -s ../devices/sda/sda1 numbers/8:1; ln -s ../devices/dm-0 numbers/253:0
            """
        try #require(system(script) == 0)
        let numbers = root + "/numbers"
        for minor in [0, 1] as [UInt64] {
            let disk = try BlockDevice.whole(8, minor, path: "/d", below: numbers)
            #expect(disk.number == "8:0")
            #expect(disk.scheduler == "bfq")
        }
        let mapped = try BlockDevice.whole(253, 0, path: "/d", below: numbers)
        #expect(mapped.number == "253:0")
        #expect(mapped.scheduler == nil)
        for major in [0, 9] as [UInt64] {
            let error = #expect(throws: IsolationError.self) {
                _ = try BlockDevice.whole(major, 44, path: "/d", below: numbers)
            }
            #expect(error?.description.hasPrefix("/d is on no single disk") == true)
        }
        #expect(throws: IsolationError.self) { _ = try BlockDevice.holding("/proc/self") }
        #expect(throws: IsolationError.self) { _ = try BlockDevice.holding(root + "/missing") }
    }

    @Test(
        "Numbers of devices are taken apart as the C library does",
        arguments: [
            (0xfe00, 254, 0), (0x0801, 8, 1), (0x1_0000_0800_0cff, 0x1_0000c, 0xff), (0x12_3456_7801, 0x78, 0x0),
        ] as [(UInt64, UInt64, UInt64)])
    func numbers(device: UInt64, major: UInt64, minor: UInt64) {
        let found = BlockDevice.numbers(of: device)
        // By the macros of <sys/sysmacros.h>.
        let high = (device & 0xfff00) >> 8 | (device & 0xffff_f000_0000_0000) >> 32
        let low = device & 0xff | (device & 0xfff_fff0_0000) >> 12
        #expect(found.major == high && found.minor == low)
        if device < 1 << 16 { #expect(found.major == major && found.minor == minor) }
    }
}

@Suite(.serialized, .enabled(if: hasDisk)) struct IOTests {
    private func run(_ limit: String?, _ body: (Bench) async throws -> Void) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("cgroups,cgroup-io")
        settings.ioLimit = try limit.map { try IOLimit($0) }
        settings.directory = "/tmp"
        try await Bench.run(settings: settings) { bench in
            #expect(bench.isolator.missing.isEmpty)
            try await body(bench)
        }
    }

    /// Past the file cache, which groups of version 1 know nothing of.
    private static let writer = "dd if=/dev/zero of=big bs=64k count=64 oflag=direct 2> /dev/null"

    @Test("A container writes no faster than it may, and what it did is counted; the next begins at nothing")
    func bounded() async throws {
        try await self.run("write-bps=2MiB") { bench in
            try await bench.launch(1, "\(Self.writer); echo written > done; sleep 100")
            try await bench.started(1)
            let begin = ContinuousClock.now
            _ = try await bench.content(1, "done")
            // Four megabytes. The kernel lets the first of a pause go at once.
            #expect(ContinuousClock.now - begin > .milliseconds(1200))
            let io = try #require(try await bench.usage(1).io)
            #expect((4 << 20...5 << 20).contains(io.writtenBytes))
            #expect(io.writes >= 1)
            try await eventually {
                (try? await bench.report().containers.first?.usage.io?.writtenBytes ?? 0) == io.writtenBytes
            }
            let json = try await bench.report().json(
                agent: nil, name: "a", total: Resources(),
                node: NodePressure(load: nil, stalls: [], memoryTotal: nil, memoryAvailable: nil))
            #expect(json.contains("\"io_written_bytes\":\(io.writtenBytes)"))
            let group = try #require(bench.group(1, "io"))
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)

            try await bench.launch(2, "exec sleep 100")
            try await bench.started(2)
            #expect(bench.group(2, "io") == group)
            #expect(try #require(try await bench.usage(2).io).writtenBytes < 1 << 20)
            try await bench.order { $0.destroy(2) }
            _ = try await bench.exit(2)
        }
    }

    @Test("Weights follow cpus, and a bound of an earlier life does not outlive it")
    func weights() async throws {
        try await self.run("read-bps=1MiB,write-iops=100") { bench in
            try await bench.launch(1, "exec sleep 100")
            try await bench.started(1)
            let device = try BlockDevice.holding("/tmp").number
            #expect(bench.cgroupFile(1, "io", "blkio.throttle.read_bps_device") == "\(device) 1048576")
            #expect(bench.cgroupFile(1, "io", "blkio.throttle.write_iops_device") == "\(device) 100")
            #expect(bench.cgroupFile(1, "io", "blkio.throttle.write_bps_device") == "")
            if bench.cgroupFile(1, "io", "blkio.bfq.weight") != nil {
                #expect(bench.cgroupFile(1, "io", "blkio.bfq.weight") == "50")
                try await bench.order { $0.update(1, Resources(milliCPU: 20_000, milliMB: 64_000)) }
                #expect(try await bench.updated(1) == nil)
                #expect(bench.cgroupFile(1, "io", "blkio.bfq.weight") == "1000")
                var settings = IsolationSettings()
                settings.choice = try IsolationChoice("cgroups,cgroup-io")
                settings.directory = "/tmp"
                let later = Isolator(
                    agent: Isolator.agentToken(name: "test", directory: bench.directory), settings: settings)
                later.recover([1])
                #expect(bench.cgroupFile(1, "io", "blkio.throttle.read_bps_device") == "")
                #expect(bench.cgroupFile(1, "io", "blkio.throttle.write_iops_device") == "")
            }
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }

    @Test("Where the agent's directory is on no disk, a limit is missed, and the reason is told")
    func noDisk() throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("cgroups,cgroup-io")
        settings.ioLimit = try IOLimit("read-bps=1MiB")
        settings.directory = "/proc"
        let isolator = Isolator(agent: "io-\(getpid())", settings: settings)
        defer { isolator.removeAll() }
        #expect(isolator.missing.count == 1)
        #expect(isolator.missing.first?.hasPrefix("cgroup-io: /proc is on no single disk") == true)
    }

    @Test("Counts are summed over disks, and what was there before is taken off")
    func counts() {
        let bytes = "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:16 Read 1\n8:16 Write 2\nTotal 33\n"
        let operations = "8:0 Read 3\n8:0 Write 4\nTotal 7\n"
        let counts = IOCounts(bytes: bytes, operations: operations)
        #expect(counts == IOCounts(readBytes: 11, writtenBytes: 22, reads: 3, writes: 4))
        #expect(counts.since([1, 2, 3, 4]) == IOCounts(readBytes: 10, writtenBytes: 20))
        #expect(counts.since([]) == counts)
        #expect(counts.since([100, 2, 3, 4]).readBytes == 0, "somebody has set the counts to zero")
    }
}
