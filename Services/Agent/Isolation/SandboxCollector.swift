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
/// What it knows is in the directories, `frameworks/<framework>/tasks|executors/<name>.<run>`: the attribute
/// `user.meseta.ended` of each is the time when it was found to have ended, in seconds since 1970, which makes ages outlive
/// the agent. Of one without the time begins when it is first found without a run. A task can change its own, and have its
/// sandbox removed sooner, as it could itself. Where the file system keeps no attributes, the time is that of the last
/// change of the directory. All work is done by the thread that calls `sweep`.
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
                self.look("\(self.root)/\(framework)/\(kind)", now, &sweep, &oldest)
            }
        }
        for entry in oldest.first(self.retention.surplus(of: sweep.kept)) {
            guard self.remove(entry.path, &sweep) else { continue }
            sweep.kept -= 1
            sweep.isBehind = true
            self.tidyAbove(entry.path)
        }
        sweep.isBehind = sweep.isBehind && self.retention.surplus(of: sweep.kept) > 0
        return sweep
    }

    /// Looks at the runs in a directory.
    private func look(_ parent: String, _ now: Int64, _ sweep: inout SandboxSweep, _ oldest: inout OldestSandboxes) {
        var batch: [(run: RunID, path: String)] = [], isEmpty = true
        let removedBefore = sweep.removed
        func settle() {
            let live = self.areLive(batch.map(\.run)), usage = self.usage()
            for (run, path) in batch where !live.contains(run) {
                let ended = self.ended(path, now)
                if self.retention.isOver(age: now - ended, usage: usage), self.remove(path, &sweep) { continue }
                sweep.kept += 1
                oldest.add(.init(ended: ended, path: path, run: run))
            }
            batch.removeAll(keepingCapacity: true)
        }
        self.forEachName(in: parent) { name in
            isEmpty = false
            guard let run = Sandbox.run(of: name) else { return }
            batch.append((run, "\(parent)/\(name)"))
            if batch.count == Self.batch { settle() }
        }
        if !batch.isEmpty { settle() }
        if isEmpty || sweep.removed > removedBefore { self.tidyAbove("\(parent)/") }
    }

    /// When a run was found to have ended: now, if nothing says so yet, or if what says so comes from a clock that was
    /// ahead.
    private func ended(_ path: String, _ now: Int64) -> Int64 {
        if let time = Files.attribute(Self.attribute, of: path).flatMap({ Int64($0) }), time <= now { return time }
        if (try? Files.setAttribute(Self.attribute, of: path, to: "\(now)")) != nil { return now }
        var about = stat()
        return lstat(path, &about) == 0 ? min(now, Int64(about.st_mtim.tv_sec)) : now
    }

    private static let attribute = "user.meseta.ended"

    private func remove(_ path: String, _ sweep: inout SandboxSweep) -> Bool {
        var remover = TreeRemover(rest: self.rest)
        let report = remover.remove(path)
        sweep.freedBytes += report.freedBytes
        guard report.isGone else {
            if sweep.failures.count < Self.failuresMax {
                sweep.failures.append(.init(path: path, problems: report.problems))
            }
            return false
        }
        sweep.removed += 1
        return true
    }

    /// Removes the directories above a path that nothing else is in; whoever makes a sandbox there makes them again.
    private func tidyAbove(_ path: String) {
        Sandbox.parentsLock.withLock { _ in
            var path = path[...]
            while let slash = path.lastIndex(of: "/") {
                path = path[..<slash]
                guard path.utf8.count > self.root.utf8.count, rmdir(String(path)) == 0 || errno == ENOENT else {
                    return
                }
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
