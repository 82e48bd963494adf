#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// What a look over all sandboxes came to.
public struct SandboxSweep: Hashable, Sendable {
    /// Sandboxes of runs that have ended, which stay.
    public var kept = 0
    /// Sandboxes that were removed.
    public var removed = 0
    /// By removing them.
    public var freedBytes: Int64 = 0
    /// Sandboxes that could not be removed as a whole, with the first reasons; at most 100.
    public var failures: [Failure] = []
    /// More are kept than may be, and some of them could go at once: a sweep removes a bounded number of such.
    public var isBehind = false

    /// A sandbox of which something stays.
    public struct Failure: Hashable, Sendable {
        /// Its directory.
        public var path: String
        /// What stays, and why.
        public var problems: [String]
    }
}

/// Removes the sandboxes of runs that have ended, when their time is over.
///
/// What it knows is in the directories:
///
///     frameworks/<framework>/tasks|executors/<name>/runs/<run>          a sandbox; what is in it is its task's
///     frameworks/<framework>/tasks|executors/<name>/runs/<run>.ended    of the time when it was found to have ended
///
/// The marks lie beside the sandboxes, out of the tasks' reach, and make ages outlive the agent. Of a sandbox without one
/// the time begins when it is first found without a run. All work is done by the thread that calls `sweep`.
public struct SandboxCollector: Sendable {
    private let root: String
    private let retention: SandboxRetention
    private let areLive: @Sendable ([RunID]) -> Set<RunID>
    private let usage: @Sendable () -> Double
    private let rest: @Sendable (Duration) -> Void

    /// How many runs are asked for at once.
    private static let batch = 256
    /// Of so many sandboxes at most the age is remembered within a sweep, to find those that are too many.
    private let oldestMax: Int
    private static let failuresMax = 100

    /// - Parameters:
    ///   - directory: The agent's work directory.
    ///   - areLive: Which of those runs have not ended, or may yet begin; asked after their directories were seen, so
    ///     that a run which begins meanwhile is known.
    public init(
        directory: String, retention: SandboxRetention, areLive: @escaping @Sendable ([RunID]) -> Set<RunID>
    ) {
        self.init(
            directory: directory, retention: retention, areLive: areLive,
            usage: { Self.usage(of: directory) }, rest: { TreeRemover.sleep($0) })
    }

    init(
        directory: String, retention: SandboxRetention, areLive: @escaping @Sendable ([RunID]) -> Set<RunID>,
        usage: @escaping @Sendable () -> Double, rest: @escaping @Sendable (Duration) -> Void, oldestMax: Int = 4096
    ) {
        self.root = directory + "/frameworks"
        self.retention = retention
        self.areLive = areLive
        self.usage = usage
        self.rest = rest
        self.oldestMax = oldestMax
    }

    /// Looks at every sandbox, and removes what is to go.
    ///
    /// Blocks for as long as that takes.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Complexity: O(sandboxes) in time; memory does not grow with them.
    public func sweep(now: Int64) -> SandboxSweep {
        var sweep = SandboxSweep(), oldest = OldestSandboxes(capacity: self.oldestMax)
        self.forEachName(in: self.root) { framework in
            for kind in ["tasks", "executors"] {
                let kindPath = "\(self.root)/\(framework)/\(kind)"
                self.forEachName(in: kindPath) { name in
                    self.look("\(kindPath)/\(name)/runs", now, &sweep, &oldest)
                }
            }
        }
        for entry in oldest.first(self.retention.surplus(of: sweep.kept)) {
            guard self.remove(entry.run, of: entry.runs, &sweep) else { continue }
            sweep.kept -= 1
            sweep.isBehind = true
            self.tidy(entry.runs)
        }
        sweep.isBehind = sweep.isBehind && self.retention.surplus(of: sweep.kept) > 0
        return sweep
    }

    /// Looks at the runs of one task or executor.
    private func look(_ runs: String, _ now: Int64, _ sweep: inout SandboxSweep, _ oldest: inout OldestSandboxes) {
        var batch: [RunID] = [], hasRuns = false, hasRemoved = false
        func settle() {
            let live = self.areLive(batch), usage = self.usage()
            for run in batch where !live.contains(run) {
                let ended = self.ended(run, of: runs, now)
                if self.retention.isOver(age: now - ended, usage: usage) {
                    if self.remove(run, of: runs, &sweep) { hasRemoved = true } else { sweep.kept += 1 }
                } else {
                    sweep.kept += 1
                    oldest.add(.init(ended: ended, runs: runs, run: run))
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
        self.forEachName(in: runs) { name in
            guard let run = RunID(name), "\(run)" == name else { return }
            hasRuns = true
            batch.append(run)
            if batch.count == Self.batch { settle() }
        }
        if !batch.isEmpty { settle() }
        if hasRemoved || !hasRuns { self.tidy(runs) }
    }

    /// When a run was found to have ended: now, if nothing says so yet, or if what says so comes from a clock that was
    /// ahead.
    private func ended(_ run: RunID, of runs: String, _ now: Int64) -> Int64 {
        let mark = Self.mark(run, of: runs)
        var about = stat()
        if lstat(mark, &about) == 0, Int64(about.st_mtim.tv_sec) <= now { return Int64(about.st_mtim.tv_sec) }
        let file = open(mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { return now }
        let time = timespec(tv_sec: time_t(now), tv_nsec: 0)
        futimens(file, [time, time])
        close(file)
        return now
    }

    private static func mark(_ run: RunID, of runs: String) -> String { "\(runs)/\(run).ended" }

    private func remove(_ run: RunID, of runs: String, _ sweep: inout SandboxSweep) -> Bool {
        let path = "\(runs)/\(run)"
        var remover = TreeRemover(rest: self.rest)
        let report = remover.remove(path)
        sweep.freedBytes += report.freedBytes
        guard report.isGone else {
            if sweep.failures.count < Self.failuresMax {
                sweep.failures.append(.init(path: path, problems: report.problems))
            }
            return false
        }
        // Last, so that a removal which is broken off goes on.
        unlink(Self.mark(run, of: runs))
        sweep.removed += 1
        return true
    }

    /// Removes what is left of runs that are gone, and the directories above them that nothing else is in.
    private func tidy(_ runs: String) {
        Sandbox.treeLock.withLock { _ in
            let names = Set(Files.names(in: runs)), live = names.filter { RunID($0) != nil }
            for name in names where !live.contains(name) {
                let isLeft: Bool
                if name.hasSuffix(".ended") {
                    isLeft = !live.contains(String(name.dropLast(6)))
                } else {
                    isLeft = live.isEmpty || access("\(runs)/\(name)", F_OK) != 0
                }
                if isLeft { unlink("\(runs)/\(name)") }
            }
            var path = runs
            while path.utf8.count > self.root.utf8.count, rmdir(path) == 0 || errno == ENOENT,
                let slash = path.lastIndex(of: "/")
            {
                path = String(path[..<slash])
            }
        }
    }

    private func forEachName(in path: String, _ body: (String) -> Void) {
        guard let stream = DirectoryStream(path) else { return }
        while let name = stream.nextText() { body(name) }
    }

    /// How much of the disk is used, as programs see it that are not root's, 0 to 1.
    static func usage(of path: String) -> Double {
        var about = statvfs()
        guard statvfs(path, &about) == 0 else { return 0 }
        let used = Double(about.f_blocks) - Double(about.f_bfree), free = Double(about.f_bavail)
        return used + free > 0 ? used / (used + free) : 0
    }
}
