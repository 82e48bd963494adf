import Foundation
import Model
import Synchronization
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What goes of the sandboxes of the past, and what stays.
@Suite("Collection of sandboxes", .serialized)
struct SandboxCollectorTests {
    private static func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/meseta-gc-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer {
            var remover = TreeRemover(rest: { _ in })
            _ = remover.remove(directory)
        }
        try body(directory)
    }

    private static func collector(
        _ directory: String, live: Set<RunID> = [], usage: Double = 0, oldestMax: Int = 4096,
        _ change: (inout SandboxRetention) -> Void = { _ in }
    ) -> SandboxCollector {
        var retention = SandboxRetention()
        retention.delay = .seconds(1000)
        change(&retention)
        return SandboxCollector(
            directory: directory, retention: retention, areLive: { live.intersection($0) }, usage: { usage },
            rest: { _ in }, oldestMax: oldestMax)
    }

    private static func make(_ run: RunID, task: String = "t", framework: String = "F", in root: String) throws
        -> String
    {
        let sandbox = try Sandbox.make(
            ["frameworks", framework, "tasks", "\(task).\(run)"], below: root, owner: nil)
        Self.write("hello", to: sandbox.output)
        return sandbox.path
    }

    private static func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    private static func exists(_ path: String) -> Bool {
        var about = stat()
        return lstat(path, &about) == 0
    }

    @Test("A week on an empty disk, less as it fills, nothing when the headroom is gone")
    func rule() {
        var retention = SandboxRetention()
        #expect(retention.maxAge(usage: 0.9) == 0 && retention.maxAge(usage: 1) == 0)
        #expect(abs(retention.maxAge(usage: 0) - 0.9 * 604_800) < 1)
        #expect(abs(retention.maxAge(usage: 0.4) - 0.5 * 604_800) < 1)
        #expect(retention.isOver(age: 0, usage: 0.95))
        #expect(!retention.isOver(age: 302_000, usage: 0.4) && retention.isOver(age: 302_401, usage: 0.4))
        #expect(retention.surplus(of: 100_000) == 0 && retention.surplus(of: 100_007) == 7)
        #expect(retention.interval == .seconds(60))
        retention.delay = .seconds(16)
        #expect(retention.interval == .seconds(2))
        retention.delay = .zero
        #expect(retention.interval == .seconds(1))
    }

    @Test("Of many, those that ended first are remembered")
    func oldest() {
        var oldest = OldestSandboxes(capacity: 10)
        for index in 0..<1000 {
            oldest.add(.init(ended: Int64(index * 7919 % 1000), path: "r", run: UInt64(index)))
        }
        #expect(oldest.first(3).map(\.ended) == [0, 1, 2])
        #expect(oldest.first(100).map(\.ended) == Array(0..<10))
    }

    @Test("A sandbox goes when its time is over, counted from its end, also over restarts; a live one never")
    func ages() throws {
        try Self.withDirectory { root in
            let (ended, live) = (try Self.make(1, in: root), try Self.make(2, task: "u", in: root))
            #expect(Self.collector(root, live: [2]).sweep(now: 5000).kept == 1)
            // Each collector knows nothing but what is on the disk.
            #expect(Self.collector(root, live: [2]).sweep(now: 5899).removed == 0)
            let sweep = Self.collector(root, live: [2]).sweep(now: 5900)
            #expect(sweep.removed == 1 && sweep.kept == 0 && sweep.freedBytes > 0)
            #expect(!Self.exists(ended))
            #expect(Self.exists(live + "/stdout"))
            // A full disk does not touch it either.
            #expect(Self.collector(root, live: [2], usage: 1).sweep(now: 9_999_999).removed == 0)
            #expect(Self.exists(live + "/stdout"))
            #expect(Self.collector(root, usage: 1).sweep(now: 9_999_999).removed == 1)
            #expect(!Self.exists(root + "/frameworks/F"))
        }
    }

    @Test("Of too many the oldest go, and the directories above stay for those that are left")
    func count() throws {
        try Self.withDirectory { root in
            for run in UInt64(1)...5 {
                _ = try Self.make(run, in: root)
                _ = Self.collector(root).sweep(now: Int64(run) * 10)
            }
            let sweep = Self.collector(root) { $0.most = 2 }.sweep(now: 60)
            #expect(sweep.removed == 3 && sweep.kept == 2)
            #expect(Files.names(in: root + "/frameworks/F/tasks") == ["t.4", "t.5"])
            // A mark from a clock that was ahead counts from now.
            #expect(Self.collector(root).sweep(now: 20).removed == 0)
            #expect(Self.collector(root).sweep(now: 20 + 900).removed == 2)
            #expect(!Self.exists(root + "/frameworks/F"))
        }
    }

    @Test("Where far too many are kept, one look does not do, and says so")
    func behind() throws {
        try Self.withDirectory { root in
            for run in UInt64(1)...5 { _ = try Self.make(run, in: root) }
            let collector = Self.collector(root, oldestMax: 2) { $0.most = 1 }
            let first = collector.sweep(now: 10), second = collector.sweep(now: 10), third = collector.sweep(now: 10)
            #expect(first.removed == 2 && first.kept == 3 && first.isBehind)
            #expect(second.removed == 2 && second.kept == 1 && !second.isBehind)
            #expect(third.removed == 0 && !third.isBehind)
        }
    }

    @Test("What is no run is left alone, and directories that nothing is in go, whoever emptied them")
    func leftovers() throws {
        try Self.withDirectory { root in
            let tasks = root + "/frameworks/F/tasks"
            _ = try Self.make(1, in: root)
            for name in ["strange", "t.", ".2", "t.03", "t.-4", "t.5x"] { mkdir("\(tasks)/\(name)", 0o700) }
            _ = try Self.make(8, framework: "G", in: root)
            var remover = TreeRemover(rest: { _ in })
            #expect(remover.remove(root + "/frameworks/G/tasks/t.8").isGone)
            #expect(Self.collector(root, usage: 1).sweep(now: 100).removed == 1)
            #expect(Set(Files.names(in: tasks)) == ["strange", "t.", ".2", "t.03", "t.-4", "t.5x"])
            #expect(!Self.exists(root + "/frameworks/G"))
        }
    }

    @Test("Where a file system keeps no attributes, the last change of a sandbox counts", .enabled(if: geteuid() == 0))
    func noAttributes() throws {
        try Self.withDirectory { root in
            // The kernel's own files take none.
            guard mount("none", root, "ramfs", 0, nil) == 0 else { return }
            defer { umount2(root, 2) }
            let path = try Self.make(1, in: root)
            let times = [timespec(tv_sec: 5000, tv_nsec: 0), timespec(tv_sec: 5000, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
            #expect(Self.collector(root).sweep(now: 5899).kept == 1)
            #expect(Self.collector(root).sweep(now: 5900).removed == 1)
        }
    }

    @Test("Sandboxes made while their directories are tidied away are made")
    func makingMeanwhile() throws {
        try Self.withDirectory { root in
            let live = Mutex<Set<RunID>>([]), isOver = Atomic(false), sweeps = Atomic(0)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                var retention = SandboxRetention()
                retention.delay = .zero
                let collector = SandboxCollector(
                    directory: root, retention: retention,
                    areLive: { runs in live.withLock { $0.intersection(runs) } }, usage: { 1 }, rest: { _ in })
                while !isOver.load(ordering: .relaxed) {
                    _ = collector.sweep(now: 1)
                    sweeps.wrappingAdd(1, ordering: .relaxed)
                }
                done.signal()
            }
            let deadline = ContinuousClock.now + .seconds(20)
            var run: RunID = 0
            while sweeps.load(ordering: .relaxed) < 100, ContinuousClock.now < deadline {
                run += 1
                live.withLock { $0 = [run] }
                let path = try Self.make(run, in: root)
                #expect(Self.exists(path + "/stdout"))
                // Between two runs nothing keeps the directories above.
                live.withLock { $0 = [] }
                usleep(UInt32(run % 4) * 1000)
            }
            isOver.store(true, ordering: .relaxed)
            done.wait()
            #expect(sweeps.load(ordering: .relaxed) >= 100)
        }
    }

    @Test("Nothing is removed through a link, and names that are no text go too")
    func linksAndNames() throws {
        try Self.withDirectory { root in
            let tree = root + "/tree", outside = root + "/outside"
            for path in [tree, outside, tree + "/closed"] { mkdir(path, 0o755) }
            Self.write("keep", to: outside + "/file")
            symlink(outside, tree + "/link")
            symlink(outside + "/file", tree + "/closed/link")
            link(outside + "/file", tree + "/hard")
            mkfifo(tree + "/pipe", 0o600)
            mkdir(tree + "/\u{1}\n", 0o755)
            let raw: [CChar] = Array((tree + "/").utf8CString.dropLast()) + [-1, -2, 0]
            close(open(raw, O_WRONLY | O_CREAT, 0o600))
            chmod(tree + "/closed", 0)
            var remover = TreeRemover(rest: { _ in })
            let report = remover.remove(tree)
            #expect(report.isGone && report.problems == [])
            #expect(Self.exists(outside + "/file"))
            // A link in the place of the tree is not followed.
            symlink(outside, tree)
            var second = TreeRemover(rest: { _ in })
            #expect(!second.remove(tree).isGone)
            #expect(Self.exists(outside + "/file"))
        }
    }

    @Test("A tree of 10,000 levels goes, with few files open")
    func deep() throws {
        try Self.withDirectory { root in
            mkdir(root + "/tree", 0o755)
            var place = try Descriptor(opening: root + "/tree", O_RDONLY | O_DIRECTORY)
            for level in 0..<10_000 {
                mkdirat(place.number, "directory", 0o755)
                if level % 100 == 0 { close(openat(place.number, "file", O_WRONLY | O_CREAT, 0o600)) }
                place = try Descriptor(opening: "directory", in: place, O_RDONLY | O_DIRECTORY)
            }
            var remover = TreeRemover(rest: { _ in })
            let report = remover.remove(root + "/tree")
            #expect(report.isGone && report.problems == [])
        }
    }

    @Test("It rests between steps, and leaves what is too much for the next time")
    func pace() throws {
        try Self.withDirectory { root in
            mkdir(root + "/tree", 0o755)
            for index in 0..<3000 { close(open("\(root)/tree/\(index)", O_WRONLY | O_CREAT, 0o600)) }
            let rests = Mutex(0)
            var remover = TreeRemover(steps: 2500, rest: { _ in rests.withLock { $0 += 1 } })
            #expect(!remover.remove(root + "/tree").isGone)
            #expect(rests.withLock { $0 } == 2)
            #expect(Files.names(in: root + "/tree").count == 500)
            var second = TreeRemover(rest: { _ in })
            #expect(second.remove(root + "/tree").isGone)
        }
    }

    @Test("A mount is not entered, even of the same file system, and it is said", .enabled(if: geteuid() == 0))
    func mounts() throws {
        try Self.withDirectory { root in
            let sandbox = try Self.make(1, in: root)
            for path in [root + "/outside", sandbox + "/bind", sandbox + "/tmpfs"] { mkdir(path, 0o755) }
            Self.write("keep", to: root + "/outside/file")
            guard mount(root + "/outside", sandbox + "/bind", "none", 4096, nil) == 0 else { return }  // MS_BIND
            defer { umount2(sandbox + "/bind", 2) }
            guard mount("none", sandbox + "/tmpfs", "tmpfs", 0, nil) == 0 else { return }
            defer { umount2(sandbox + "/tmpfs", 2) }
            Self.write("keep", to: sandbox + "/tmpfs/file")
            let sweep = Self.collector(root, usage: 1).sweep(now: 100)
            #expect(sweep.removed == 0 && sweep.kept == 1)
            #expect(sweep.failures.map(\.path) == [sandbox])
            #expect(Set(sweep.failures.first?.problems ?? []) == ["bind is a mount", "tmpfs is a mount"])
            #expect(Self.exists(root + "/outside/file") && Self.exists(sandbox + "/tmpfs/file"))
            #expect(!Self.exists(sandbox + "/stdout"))
            umount2(sandbox + "/bind", 2)
            umount2(sandbox + "/tmpfs", 2)
            #expect(Self.collector(root, usage: 1).sweep(now: 200).removed == 1)
            #expect(Self.exists(root + "/outside/file"))
        }
    }
}
