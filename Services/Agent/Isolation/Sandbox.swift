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

    /// Held while a sandbox is made, and while directories above sandboxes that are gone are removed: neither may find
    /// the other's half done.
    static let treeLock = Mutex(())

    var output: String { self.path + "/stdout" }
    var error: String { self.path + "/stderr" }

    /// Makes it, with those above it; for a path of several parts also `latest` beside it, which leads to it.
    ///
    /// - Throws: If a part is no plain name, or the disk refuses.
    static func make(
        _ parts: [String], below root: String, owner: SupervisorStart.User?
    ) throws(IsolationError) -> Sandbox {
        guard !parts.isEmpty, parts.allSatisfy(Self.isPlain) else {
            throw IsolationError("\"\(parts.joined(separator: "/"))\" cannot be a sandbox")
        }
        let path = root + "/" + parts.joined(separator: "/")
        let made = Self.treeLock.withLock { _ in
            Result { () throws(SystemError) in
                let isFirst = try Self.makeDirectories(parts, below: root)
                if let owner, chown(path, owner.uid, owner.gid) != 0 { throw SystemError("chown", path) }
                guard parts.count > 1 else { return }
                try Self.link(parts[parts.count - 1], as: "latest", beside: path, isFirst: isFirst)
            }
        }
        if case .failure(let error) = made { throw IsolationError("cannot make the sandbox: \(error)") }
        return Sandbox(path: path)
    }

    /// Makes a path a part at a time, from where it is most likely to begin to be new: each task has a directory of its
    /// own, three above that of a run, and its framework has been here before.
    ///
    /// - Returns: Whether the directory above the last was made now, too.
    private static func makeDirectories(_ parts: [String], below root: String) throws(SystemError) -> Bool {
        var isFirst = false
        let likely = max(1, parts.count - 2)
        var path = root + "/" + parts.prefix(likely).joined(separator: "/")
        try Files.makeDirectories(path)
        for (index, part) in parts.enumerated().dropFirst(likely) {
            path += "/" + part
            let isNew = try Files.makeDirectory(path)
            if index == parts.count - 2 { isFirst = isNew }
        }
        return isFirst
    }

    /// Whether a name stays where it is put.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
            && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }

    /// Lets a link lead to a neighbour, in one step even where it led elsewhere.
    ///
    /// - Parameter isFirst: Whether there is none yet.
    private static func link(
        _ name: String, as link: String, beside path: String, isFirst: Bool
    ) throws(SystemError) {
        let directory = String(path.dropLast(name.utf8.count))
        if isFirst, symlink(name, directory + link) == 0 { return }
        let fresh = "\(directory).\(link).\(name)"
        unlink(fresh)
        guard symlink(name, fresh) == 0 else { throw SystemError("symlink", fresh) }
        guard rename(fresh, directory + link) == 0 else { throw SystemError("rename", fresh) }
    }
}
