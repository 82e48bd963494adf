#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// Why the agent ends containers for a limit, kept in files until they have ended.
///
/// So an agent that restarts in between knows, too: the supervisor tells of a SIGKILL, and not why.
struct LimitMarks: Sendable {
    private let directory: String

    /// - Parameter root: The agent's work directory.
    init(below root: String) { self.directory = root + "/limits" }

    func add(_ limitation: Limitation, to run: RunID) throws(SystemError) {
        try Files.makeDirectory(self.directory, mode: 0o700)
        let file = try Descriptor(opening: self.path(run), O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(all: Array("\(Self.word(limitation.cause)) \(limitation.message)".utf8))
    }

    /// That of a run; nil if there is none.
    func limitation(of run: RunID) -> Limitation? {
        guard let text = Files.text(self.path(run)), let space = text.firstIndex(of: " "),
            let cause = Self.causes.first(where: { $0.word == text[..<space] })?.cause
        else { return nil }
        return Limitation(cause: cause, message: String(text[text.index(after: space)...]))
    }

    func remove(_ run: RunID) { unlink(self.path(run)) }

    /// Those of runs that nobody knows any more.
    func removeAll(except live: Set<RunID>) {
        for name in Files.names(in: self.directory) {
            if let run = RunID(name), live.contains(run) { continue }
            unlink("\(self.directory)/\(name)")
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
