internal import Model
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Unpacks archives into directories of their own, by the program `tar`.
///
/// That strips leading slashes, refuses `..`, and follows no link that came out of the archive; and as each archive has
/// an empty directory to itself, there is nothing else in it that could be changed.
final class LayerUnpacker: Sendable {
    private struct State {
        var child: pid_t?
        var isCancelled = false
    }

    private let state = Mutex(State())

    var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

    /// Ends what is being done, and what would be.
    func cancel() {
        self.state.withLock {
            $0.isCancelled = true
            if let child = $0.child { kill(child, SIGKILL) }
        }
    }

    /// Unpacks into `<directory>/tree`, and writes its size into `<directory>/bytes`.
    ///
    /// - Parameter isLayer: What the names say of layers below it becomes what an overlay understands.
    /// - Returns: Bytes of its files.
    func unpack(_ archive: String, into directory: String, isLayer: Bool) throws(ImageError) -> Int64 {
        let tree = directory + "/tree"
        do throws(SystemError) {
            try Files.makeDirectories(tree)
        } catch {
            throw ImageError("there is no room to unpack it: \(error)")
        }
        let status = try self.run(
            [
                "tar", "--extract", "--file", archive, "--directory", tree, "--numeric-owner", "--same-owner",
                "--same-permissions", "--delay-directory-restore",
            ], errors: directory + "/errors")
        guard status == 0 else {
            let words = (Files.text(directory + "/errors") ?? "").split(separator: "\n")
            throw ImageError("tar cannot unpack it: \(words.prefix(3).joined(separator: "; "))")
        }
        do throws(SystemError) {
            let bytes = try Whiteouts.settle(tree, isLayer: isLayer)
            let file = try Descriptor(opening: directory + "/bytes", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            try file.write(all: Array("\(bytes)".utf8))
            unlink(directory + "/errors")
            return bytes
        } catch {
            throw ImageError("it cannot be made a layer: \(error)")
        }
    }

    private func run(_ arguments: [String], errors: String) throws(ImageError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        vector.append(nil)
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=\(path)"), strdup("LC_ALL=C"), nil]
        defer { for text in vector + environment { free(text) } }
        let started: Result<pid_t, ImageError> = self.state.withLock { state in
            if state.isCancelled { return .failure(ImageError("the agent is being stopped")) }
            var pid: pid_t = 0
            let code = posix_spawnp(&pid, arguments[0], &actions, nil, vector, &environment)
            guard code == 0 else { return .failure(ImageError("tar cannot be started: \(String(errno: code))")) }
            state.child = pid
            return .success(pid)
        }
        let pid = try started.get()
        // Waits without taking the end, so that the number stays the child's until nobody can kill it any more.
        var about = siginfo_t()
        while waitid(P_PID, id_t(pid), &about, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return self.state.withLock { state in
            state.child = nil
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            return status
        }
    }
}

/// What a layer's names say of the layers below it (image-spec, `layer.md`), as an overlay says it.
enum Whiteouts {
    private static let prefix = ".wh.", opaque = ".wh..wh..opq"

    /// Turns `.wh.NAME` into the device 0/0 named NAME, and marks directories that hide all below them.
    ///
    /// - Returns: Bytes of the files that are left, each counted once for each of its names.
    static func settle(_ tree: String, isLayer: Bool) throws(SystemError) -> Int64 {
        var open = [tree], bytes: Int64 = 0
        while let directory = open.popLast() {
            for name in Files.names(in: directory) {
                let path = "\(directory)/\(name)"
                if isLayer, name.hasPrefix(Self.prefix) {
                    try Self.settle(name, in: directory)
                    continue
                }
                var about = stat()
                guard lstat(path, &about) == 0 else { throw SystemError("lstat", path) }
                bytes += Int64(about.st_blocks) * 512
                if about.st_mode & S_IFMT == S_IFDIR { open.append(path) }
            }
        }
        return bytes
    }

    private static func settle(_ name: String, in directory: String) throws(SystemError) {
        let path = "\(directory)/\(name)"
        guard unlink(path) == 0 else { throw SystemError("unlink", path) }
        if name == Self.opaque { return try Self.hide(directory) }
        let what = String(name.dropFirst(Self.prefix.count))
        guard Sandbox.isPlain(what) else { throw SystemError("hide", path, code: EINVAL) }
        let hidden = "\(directory)/\(what)"
        var about = stat()
        if lstat(hidden, &about) == 0 {
            // The layer has something else there itself: only what is below it in other layers is hidden.
            if about.st_mode & S_IFMT == S_IFDIR { try Self.hide(hidden) }
        } else if mknod(hidden, S_IFCHR, 0) != 0 {
            throw SystemError("mknod", hidden)
        }
    }

    private static func hide(_ directory: String) throws(SystemError) {
        try Files.setAttribute("trusted.overlay.opaque", of: directory, to: "y")
    }
}
