#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model
internal import Synchronization

/// The directory that a container runs in, below the agent's work directory.
struct Sandbox: Sendable {
    let path: String

    var output: String { self.path + "/stdout" }
    var error: String { self.path + "/stderr" }

    /// Makes it, with those above it.
    ///
    /// - Throws: If a part is no plain name, or the disk refuses.
    static func make(
        _ parts: [String], below root: String, owner: SupervisorStart.User?
    ) throws(IsolationError) -> Sandbox {
        guard !parts.isEmpty, parts.allSatisfy(Self.isPlain) else {
            throw IsolationError("\"\(parts.joined(separator: "/"))\" cannot be a sandbox")
        }
        let path = root + "/" + parts.joined(separator: "/")
        do throws(SystemError) {
            try Self.makeDirectory(parts, below: root)
            if let owner, chown(path, owner.uid, owner.gid) != 0 { throw SystemError("chown", path) }
        } catch {
            throw IsolationError("cannot make the sandbox: \(error)")
        }
        return Sandbox(path: path)
    }

    /// Mostly one call: those above are there.
    ///
    /// Where not they are made, while nobody takes them away because nothing is in them.
    private static func makeDirectory(_ parts: [String], below root: String) throws(SystemError) {
        let parent = root + "/" + parts.dropLast().joined(separator: "/"), path = parent + "/" + parts[parts.count - 1]
        do throws(SystemError) {
            _ = try Files.makeDirectory(path)
        } catch  where error.code == ENOENT {
            let made = Self.parentsLock.withLock { _ in
                Result { () throws(SystemError) in
                    try Files.makeDirectories(parent)
                    _ = try Files.makeDirectory(path)
                }
            }
            try made.get()
        }
    }

    /// Held while directories above a sandbox are made for it, and while such are removed.
    static let parentsLock = Mutex(())

    /// Whether a name stays where it is put.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
            && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }

    /// The run whose directory is called so, `<name>.<run>`; nil if it is none.
    static func run(of directory: String) -> RunID? {
        guard let dot = directory.lastIndex(of: "."), dot != directory.startIndex else { return nil }
        let digits = directory[directory.index(after: dot)...]
        guard let run = RunID(digits), "\(run)" == digits else { return nil }
        return run
    }
}
