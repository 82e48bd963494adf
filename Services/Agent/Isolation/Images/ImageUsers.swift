internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Whom an image wants to run as, by its own `/etc/passwd` and `/etc/group` (image-spec v1.1: `User` in `config.md`).
struct ImageUsers {
    /// Reads `passwd` or `group`; nil: the image has none.
    let read: (String) throws(ImageError) -> String?

    /// Reads them where they are asked for.
    init(read: @escaping (String) throws(ImageError) -> String?) { self.read = read }

    /// Those of an image whose layers are unpacked, from the lowest to the topmost.
    init(layers: [String]) {
        self.init { (name) throws(ImageError) in try Self.file(name, in: layers) }
    }

    /// The user, its group, and where no group is named all groups that have it.
    ///
    /// - Parameter text: `user` or `user:group`, each a name or a number. A number need not be in the files.
    /// - Throws: If a name is in none of them, or they cannot be read.
    func find(_ text: String) throws(ImageError) -> SupervisorStart.User {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let uid = Self.number(parts[0]), let gid = Self.number(parts[1]) {
            return .init(uid: uid, gid: gid, groups: [gid])
        }
        let number = Self.number(parts[0])
        let entry = try self.lines("passwd").first { line in
            line.count > 3 && (number == nil ? line[0] == parts[0] : Self.number(line[2]) == number)
        }
        guard let uid = number ?? entry.flatMap({ Self.number($0[2]) }) else {
            throw ImageError("it wants to run as the user \"\(parts[0].prefix(80))\", who is not in its /etc/passwd")
        }
        if parts.count == 2 {
            let gid = try self.group(parts[1])
            return .init(uid: uid, gid: gid, groups: [gid])
        }
        let gid = entry.flatMap { Self.number($0[3]) } ?? 0
        var groups = [gid]
        if let name = entry?[0] {
            for line in try self.lines("group")
            where line.count > 3 && line[3].split(separator: ",").contains(name[...]) {
                if let other = Self.number(line[2]), !groups.contains(other) { groups.append(other) }
            }
        }
        return .init(uid: uid, gid: gid, groups: groups)
    }

    /// The last one means "as before" to the kernel, and is nobody's.
    private static func number(_ text: String) -> UInt32? { UInt32(text).flatMap { $0 == .max ? nil : $0 } }

    private func group(_ name: String) throws(ImageError) -> UInt32 {
        if let number = Self.number(name) { return number }
        let entry = try self.lines("group").first { $0.count > 2 && $0[0] == name }
        guard let gid = entry.flatMap({ Self.number($0[2]) }) else {
            throw ImageError("it wants to run in the group \"\(name.prefix(80))\", which is not in its /etc/group")
        }
        return gid
    }

    private func lines(_ name: String) throws(ImageError) -> [[String]] {
        (try self.read(name) ?? "").split(separator: "\n").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
    }

    // MARK: - In layers

    /// Bytes of such a file.
    private static let limit = 1 << 20

    /// The topmost layer that has it decides, as in the overlay; no link is followed.
    private static func file(_ name: String, in layers: [String]) throws(ImageError) -> String? {
        do throws(SystemError) {
            for layer in layers.reversed() {
                let directory = layer + "/etc"
                switch Self.kind(directory) {
                case nil: continue
                case S_IFDIR: break
                case S_IFCHR: return nil  // Hidden, as the overlay writes it.
                default: throw SystemError("open", "/etc", code: ENOTDIR)
                }
                let etc = try Descriptor(opening: directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                var about = stat()
                guard fstatat(etc.number, name, &about, AT_SYMLINK_NOFOLLOW) == 0 else {
                    if Files.attribute("trusted.overlay.opaque", of: directory) == "y" { return nil }
                    continue
                }
                if about.st_mode & S_IFMT == S_IFCHR { return nil }
                return try Self.text(name, in: etc)
            }
            return nil
        } catch {
            throw ImageError("its /etc/\(name) cannot be read, which has to be a plain file: \(error)")
        }
    }

    private static func kind(_ path: String) -> mode_t? {
        var about = stat()
        return lstat(path, &about) == 0 ? about.st_mode & S_IFMT : nil
    }

    private static func text(_ name: String, in etc: borrowing Descriptor) throws(SystemError) -> String {
        // A pipe must not be waited for.
        let file = try Descriptor(opening: name, in: etc, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw SystemError("open", name, code: EINVAL) }
        let bytes = try file.read(upTo: Self.limit + 1)
        guard bytes.count <= Self.limit else { throw SystemError("read", name, code: EFBIG) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
