#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model
internal import Synchronization

/// Control groups that serve one container after the other.
///
/// To make groups, to move a first process into them and to remove them costs more processor time than a small task
/// itself, and milliseconds in which the kernel waits for all processors; to move a process into groups that are in use
/// already costs hardly anything. So groups whose container has ended are kept for the next, if every module can make
/// them as if they were new, and removed if not.
///
/// Of some of them the files that each container needs stay open (`CgroupFiles`).
///
/// For whom they are stands in an extended attribute of the group that containers are tracked by: it is known exactly
/// as long as the group is there, and also to an agent that was started again.
final class CgroupPool: Sendable {
    private static let prefix = "slot-"
    /// `<run> <microseconds of processor time that the group had counted before>`.
    private static let attribute = "trusted.meseta.run"

    private let tree: CgroupTree
    private let tracking: CgroupHierarchy
    private let spareLimit: Int
    private let state: Mutex<State>

    /// Of so many files stay open: some nine each, together a quarter of what this process may open, or less.
    private static let openLimit: Int = {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return min(64, Int(clamping: limit.rlim_cur) / 4 / 9)
    }()

    private struct State {
        var slots: [RunID: Slot] = [:]
        /// The last is taken first: what it needs is still in the processor's caches.
        var free: [Slot] = []
        var next = 0
        /// How many of the slots have files that stay open.
        var open = 0

        /// One that nobody has had.
        mutating func make(_ number: Int, timeBefore: Duration = .zero) -> Slot {
            guard self.open < CgroupPool.openLimit else { return Slot(number: number, timeBefore: timeBefore) }
            self.open += 1
            return Slot(number: number, timeBefore: timeBefore, files: CgroupFiles())
        }

        /// Its groups are gone.
        mutating func drop(_ slot: Slot?) { if slot?.files != nil { self.open -= 1 } }
    }

    /// A group in each hierarchy, of one name.
    private struct Slot {
        let number: Int
        var timeBefore = Duration.zero
        var files: CgroupFiles?
    }

    /// Finds what earlier lives of the agent left.
    ///
    /// Nil where groups cannot serve twice: those of version 2 with controllers keep counts that nothing sets to zero.
    init?(_ tree: CgroupTree, tracking: CgroupHierarchy?, spareLimit: Int) {
        guard let tracking, tree.hierarchies.allSatisfy({ $0.version == 1 || $0.controllers.isEmpty }),
            (try? Files.setAttribute(Self.attribute, of: tree.base(tracking), to: "")) != nil
        else { return nil }
        var state = State()
        for name in tree.existingNames() {
            guard name.hasPrefix(Self.prefix), let number = Int(name.dropFirst(Self.prefix.count)) else { continue }
            state.next = max(state.next, number + 1)
            let text = Files.attribute(Self.attribute, of: "\(tree.base(tracking))/\(name)") ?? ""
            let words = text.split(separator: " ")
            if words.count == 2, let run = RunID(words[0]), let time = Int64(words[1]) {
                state.slots[run] = state.make(number, timeBefore: .microseconds(time))
            } else {
                // Made, and not used before the agent died.
                _ = tree.removeDirectories(of: tree.directories(named: name, of: 0))
            }
        }
        self.tree = tree
        self.tracking = tracking
        self.spareLimit = spareLimit
        self.state = Mutex(state)
    }

    /// The groups of a container; nil if it has none from here.
    func directories(of run: RunID) -> CgroupRun? {
        guard let slot = self.state.withLock({ $0.slots[run] }) else { return nil }
        return self.directories(slot, of: run)
    }

    private func directories(_ slot: Slot, of run: RunID) -> CgroupRun {
        var groups = self.tree.directories(
            named: "\(Self.prefix)\(slot.number)", of: run, timeBefore: slot.timeBefore)
        groups.files = slot.files
        return groups
    }

    /// Those of all containers that have some, also of earlier lives.
    var runs: [RunID] { self.state.withLock { Array($0.slots.keys) } }

    /// Groups for a container.
    ///
    /// - Returns: The groups, and whether they served another before.
    func claim(for run: RunID) throws(SystemError) -> (groups: CgroupRun, isUsed: Bool) {
        var (slot, isUsed) = self.state.withLock { state in
            if let slot = state.slots[run] { return (slot, false) }
            if let slot = state.free.popLast() { return (slot, true) }
            state.next += 1
            return (state.make(state.next - 1), false)
        }
        let time = isUsed ? self.time(self.directories(slot, of: run)) : nil
        if let time {
            slot.timeBefore = time
        } else if isUsed {
            // Somebody has removed them, and what is open of them is of no use.
            isUsed = false
            let former = slot
            slot = self.state.withLock { state in
                state.drop(former)
                return state.make(former.number)
            }
        }
        let known = slot
        // Before anything can fail, so that what was made is removed like the rest.
        self.state.withLock { $0.slots[run] = known }
        let directories = self.directories(slot, of: run)
        if !isUsed { try self.tree.makeDirectories(of: directories) }
        try self.mark(directories)
        return (directories, isUsed)
    }

    /// Writes down whose they are.
    private func mark(_ directories: CgroupRun) throws(SystemError) {
        guard let group = directories.directory(in: self.tracking) else { return }
        let (seconds, attoseconds) = directories.timeBefore.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let text = "\(directories.runID) \(microseconds)"
        guard let files = directories.files else { return try Files.setAttribute(Self.attribute, of: group, to: text) }
        let number = try files.descriptor(group, O_RDONLY | O_DIRECTORY)
        try Files.setAttribute(Self.attribute, of: number, to: text, group)
    }

    /// Processor time that the group that tracks has counted in all its life; zero where it counts none, nil if it is gone.
    private func time(_ directories: CgroupRun) -> Duration? {
        guard let group = directories.directory(in: self.tracking) else { return nil }
        guard self.tracking.version == 2 else { return Files.isDirectory(group) ? .zero : nil }
        return directories.value(group + "/cpu.stat")?.number(of: "usage_usec").map { .microseconds(Int64($0)) }
    }

    /// Takes groups back that are as if they were new; false if enough are kept.
    func release(_ run: RunID) -> Bool {
        self.state.withLock { state in
            guard state.free.count < self.spareLimit, let slot = state.slots.removeValue(forKey: run) else {
                return false
            }
            state.free.append(slot)
            return true
        }
    }

    /// The groups of this container have been removed.
    func discard(_ run: RunID) { self.state.withLock { state in state.drop(state.slots.removeValue(forKey: run)) } }

    /// Removes those that nobody uses.
    func drain() {
        let free = self.state.withLock { state in
            defer { state.free = [] }
            for slot in state.free { state.drop(slot) }
            return state.free
        }
        for slot in free { _ = self.tree.removeDirectories(of: self.directories(slot, of: 0)) }
    }
}
