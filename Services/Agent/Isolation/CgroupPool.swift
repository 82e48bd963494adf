internal import Model
internal import Synchronization

/// Control groups that serve one container after the other.
///
/// To make groups, to move a first process into them and to remove them costs more processor time than a small task
/// itself, and milliseconds in which the kernel waits for all processors; to move a process into groups that are in use
/// already costs hardly anything. So groups whose container has ended are kept for the next, if every module can make
/// them as if they were new, and removed if not.
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

    private struct State {
        var slots: [RunID: Slot] = [:]
        /// The last is taken first: what it needs is still in the processor's caches.
        var free: [Int] = []
        var next = 0
    }

    /// A group in each hierarchy, of one name.
    private struct Slot {
        var number: Int
        var timeBefore = Duration.zero
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
                state.slots[run] = Slot(number: number, timeBefore: .microseconds(time))
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
        self.tree.directories(named: "\(Self.prefix)\(slot.number)", of: run, timeBefore: slot.timeBefore)
    }

    /// Those of all containers that have some, also of earlier lives.
    var runs: [RunID] { self.state.withLock { Array($0.slots.keys) } }

    /// Groups for a container.
    ///
    /// - Returns: The groups, and whether they served another before.
    func claim(for run: RunID) throws(SystemError) -> (groups: CgroupRun, isUsed: Bool) {
        var (slot, isUsed) = self.state.withLock { state in
            if let slot = state.slots[run] { return (slot, false) }
            if let number = state.free.popLast() { return (Slot(number: number), true) }
            state.next += 1
            return (Slot(number: state.next - 1), false)
        }
        var directories = self.directories(slot, of: run)
        // Before anything can fail, so that what was made is removed like the rest.
        self.state.withLock { $0.slots[run] = slot }
        if isUsed, let time = self.time(directories) {
            slot.timeBefore = time
            directories = self.directories(slot, of: run)
            let known = slot
            self.state.withLock { $0.slots[run] = known }
        } else {
            isUsed = false
            try self.tree.makeDirectories(of: directories)
        }
        let (seconds, attoseconds) = slot.timeBefore.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        guard let group = directories.directory(in: self.tracking) else { return (directories, isUsed) }
        try Files.setAttribute(Self.attribute, of: group, to: "\(run) \(microseconds)")
        return (directories, isUsed)
    }

    /// Processor time that the group that tracks has counted in all its life; zero where it counts none, nil if it is gone.
    private func time(_ directories: CgroupRun) -> Duration? {
        guard let group = directories.directory(in: self.tracking), Files.isDirectory(group) else { return nil }
        guard self.tracking.version == 2 else { return .zero }
        return Files.text(group + "/cpu.stat")?.number(of: "usage_usec").map { .microseconds(Int64($0)) }
    }

    /// Takes groups back that are as if they were new; false if enough are kept.
    func release(_ run: RunID) -> Bool {
        self.state.withLock { state in
            guard state.free.count < self.spareLimit, let slot = state.slots[run] else { return false }
            state.slots[run] = nil
            state.free.append(slot.number)
            return true
        }
    }

    /// The groups of this container have been removed.
    func discard(_ run: RunID) { self.state.withLock { $0.slots[run] = nil } }

    /// Removes those that nobody uses.
    func drain() {
        let free = self.state.withLock { state in
            defer { state.free = [] }
            return state.free
        }
        for number in free { _ = self.tree.removeDirectories(of: self.directories(Slot(number: number), of: 0)) }
    }
}
