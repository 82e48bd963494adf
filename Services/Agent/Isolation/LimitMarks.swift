#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model
internal import Synchronization

/// Why the agent ends containers for a limit, kept in files until they have ended.
///
/// So an agent that restarts in between knows, too: the supervisor tells of a SIGKILL, and not why. A file holds the
/// word for the limit and, if known, what was used up (`disk disk:21.5`), and in the next line the message. Those of
/// earlier versions hold word and message in one line.
final class LimitMarks: Sendable {
    private let directory: String
    /// Whose there are, which is nearly none; nil before the directory has been looked at.
    private let names = Mutex<Set<String>?>(nil)

    /// - Parameter root: The agent's work directory.
    init(below root: String) { self.directory = root + "/limits" }

    func add(_ limitation: Limitation, to run: RunID) throws(SystemError) {
        try Files.makeDirectory(self.directory, mode: 0o700)
        let file = try Descriptor(opening: self.path(run), O_WRONLY | O_CREAT | O_TRUNC)
        let used = limitation.used.isEmpty ? "" : " \(limitation.used)"
        self.change { _ = $0.insert("\(run)") }
        try file.write(all: Array("\(Self.word(limitation.cause))\(used)\n\(limitation.message)".utf8))
    }

    /// Looks at the directory, the first time.
    private func change<T: Sendable>(_ body: (inout Set<String>) -> T) -> T {
        self.names.withLock { names in
            var known = names ?? Set(Files.names(in: self.directory))
            defer { names = known }
            return body(&known)
        }
    }

    /// That of a run; nil if there is none.
    func limitation(of run: RunID) -> Limitation? {
        guard self.change({ $0.contains("\(run)") }), let text = Files.text(self.path(run)) else { return nil }
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = lines[0].split(separator: " ", maxSplits: 1)
        guard let cause = Self.causes.first(where: { $0.word == head.first ?? "" })?.cause else { return nil }
        let rest = head.count > 1 ? String(head[1]) : ""
        guard lines.count > 1 else { return Limitation(cause: cause, message: rest) }
        return Limitation(
            cause: cause, message: String(lines[1]), used: (try? Resources(text: rest)) ?? Resources())
    }

    func remove(_ run: RunID) {
        if self.change({ $0.remove("\(run)") }) != nil { unlink(self.path(run)) }
    }

    /// Those of runs that nobody knows any more.
    func removeAll(except live: Set<RunID>) {
        for name in Files.names(in: self.directory) {
            if let run = RunID(name), live.contains(run) { continue }
            unlink("\(self.directory)/\(name)")
            self.change { _ = $0.remove(name) }
        }
    }

    private func path(_ run: RunID) -> String { "\(self.directory)/\(run)" }

    private static let causes: [(word: String, cause: ContainerExit.Cause)] = [
        ("memory", .memoryLimit), ("disk", .diskLimit), ("other", .limitation),
    ]

    private static func word(_ cause: ContainerExit.Cause) -> String {
        Self.causes.first { $0.cause == cause }?.word ?? "other"
    }
}
