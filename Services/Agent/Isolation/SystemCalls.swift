internal import CLinux
internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension String {
    /// The system's words for an error number.
    init(errno code: Int32) {
        var text = [CChar](repeating: 0, count: 256)
        let result = strerror_r(code, &text, text.count)
        self = result == 0 ? text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : "error \(code)"
    }
}

/// A system call that failed, with the error number it left.
struct SystemError: Error, Hashable, CustomStringConvertible {
    let call: String
    let path: String
    let code: Int32

    init(_ call: String, _ path: String = "", code: Int32 = errno) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// Whether there was no room for what was to be written; there may be later.
    ///
    /// Not so of a sync: what the kernel has dropped once it does not write again.
    var meansFull: Bool {
        ["write", "open"].contains(self.call) && (self.code == ENOSPC || self.code == EDQUOT)
    }

    var description: String {
        "\(self.call)\(self.path.isEmpty ? "" : " \(self.path)"): \(String(errno: self.code))"
    }
}

// `Descriptor` has methods of the same names.
private func systemRead(_ number: Int32, _ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(number, target, count)
}
private func systemWrite(_ number: Int32, _ source: UnsafeRawPointer?, _ count: Int) -> Int {
    write(number, source, count)
}

/// An open file, closed when it goes.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Opens with `O_CLOEXEC`.
    init(opening path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) {
        self.number = open(path, flags | O_CLOEXEC, mode)
        if self.number < 0 { throw SystemError("open", path) }
    }

    /// Opens below an open directory, with `O_CLOEXEC`.
    init(opening name: String, in directory: borrowing Descriptor, _ flags: Int32) throws(SystemError) {
        self.number = openat(directory.number, name, flags | O_CLOEXEC)
        if self.number < 0 { throw SystemError("open", name) }
    }

    init(owning number: Int32) { self.number = number }

    /// Gives the number away; the receiver closes it.
    consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    deinit { close(self.number) }

    /// Reads until `count` bytes are there or the file ends.
    func read(upTo count: Int, at offset: Int64? = nil) throws(SystemError) -> Bytes {
        var failure: Int32 = 0
        let number = self.number
        let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawPointer(buffer.baseAddress! + filled)
                let result =
                    offset.map { pread(number, rest, count - filled, off_t($0) + filled) }
                    ?? systemRead(number, rest, count - filled)
                if result > 0 {
                    filled += result
                } else if result == 0 {
                    break
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        if failure != 0 { throw SystemError("read", code: failure) }
        return bytes
    }

    /// Writes all of them: where the file stands, or at an offset.
    func write(all bytes: Bytes, at offset: Int? = nil) throws(SystemError) {
        let number = self.number
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(SystemError) in
                var written = 0
                while written < buffer.count {
                    let rest = buffer.baseAddress! + written, count = buffer.count - written
                    let result =
                        offset.map { pwrite(number, rest, count, off_t($0 + written)) }
                        ?? systemWrite(number, rest, count)
                    if result >= 0 {
                        written += result
                    } else if errno != EINTR {
                        throw SystemError("write")
                    }
                }
            }
        }.get()
    }

    func status() throws(SystemError) -> stat {
        var about = stat()
        if fstat(self.number, &about) != 0 { throw SystemError("fstat") }
        return about
    }
}

/// Small files of the kernel's, and directories.
enum Files {
    /// How many names a file has; a directory, and how many directories are in it, on systems that count so.
    static func linkCount(_ path: String) -> Int? {
        var about = stat()
        return stat(path, &about) == 0 ? Int(about.st_nlink) : nil
    }

    /// As of a path, of an open file.
    static func linkCount(_ number: Int32) -> Int? {
        var about = stat()
        return fstat(number, &about) == 0 ? Int(about.st_nlink) : nil
    }

    /// Sets an extended attribute of an open file; `path` is for people.
    static func setAttribute(_ name: String, of number: Int32, to value: String, _ path: String) throws(SystemError) {
        if fsetxattr(number, name, value, value.utf8.count, 0) != 0 { throw SystemError("setxattr", path) }
    }

    /// Sets an extended attribute.
    static func setAttribute(_ name: String, of path: String, to value: String) throws(SystemError) {
        if lsetxattr(path, name, value, value.utf8.count, 0) != 0 { throw SystemError("setxattr", path) }
    }

    /// An extended attribute of at most 256 bytes; nil if there is none.
    static func attribute(_ name: String, of path: String) -> String? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let count = lgetxattr(path, name, buffer.baseAddress, buffer.count)
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// The whole of a small file as text; nil if it cannot be read.
    static func text(_ path: String, limit: Int = 1 << 20) -> String? {
        // Nearly all of them are a few lines: room for more is made when it is needed.
        let first = 4096
        guard let file = try? Descriptor(opening: path, O_RDONLY), var bytes = try? file.read(upTo: min(first, limit))
        else { return nil }
        if bytes.count == first, limit > first {
            guard let rest = try? file.read(upTo: limit - first) else { return nil }
            bytes += rest
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The whole of a control file of the kernel's that it gives in one piece, by one read; nil if it cannot be read.
    ///
    /// Not for lists, which come in several.
    static func value(_ path: String) -> String? {
        guard let file = try? Descriptor(opening: path, O_RDONLY) else { return nil }
        return Self.text { systemRead(file.number, $0, $1) }
    }

    /// As `value` of a path, of a file that stays open.
    static func value(of number: Int32) -> String? { Self.text { pread(number, $0, $1, 0) } }

    private static func text(_ read: (UnsafeMutableRawPointer, Int) -> Int) -> String? {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
            var count = read(buffer.baseAddress!, buffer.count)
            while count < 0, errno == EINTR { count = read(buffer.baseAddress!, buffer.count) }
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// One write to an existing file, as the kernel's control files want it.
    static func write(_ text: String, to path: String) throws(SystemError) {
        let file = try Descriptor(opening: path, O_WRONLY)
        var text = text
        while text.withUTF8({ systemWrite(file.number, $0.baseAddress, $0.count) }) < 0 {
            guard errno == EINTR else { throw SystemError("write to", path) }
        }
    }

    /// One write to a control file that stays open; `path` is for people.
    static func write(_ text: String, at number: Int32, _ path: String) throws(SystemError) {
        var text = text
        while text.withUTF8({ pwrite(number, $0.baseAddress, $0.count, 0) }) < 0 {
            guard errno == EINTR else { throw SystemError("write to", path) }
        }
    }

    /// Makes a directory; that it exists already is fine.
    ///
    /// - Returns: Whether it was made now.
    @discardableResult
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(SystemError) -> Bool {
        if mkdir(path, mode) == 0 { return true }
        if errno == EEXIST { return false }
        throw SystemError("mkdir", path)
    }

    /// Makes a directory and those above it.
    static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw SystemError("mkdir", path)
        }
        try Self.makeDirectories(String(path[..<slash]), mode: mode)
        try Self.makeDirectory(path, mode: mode)
    }

    /// The names in a directory, without `.` and `..`, in ascending order; empty if it cannot be read.
    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What no other file on the machine has, in hexadecimal digits.
    static func identity(of path: String) -> String {
        var about = stat()
        guard stat(path, &about) == 0 else { return "0" }
        return String(UInt64(about.st_dev), radix: 16) + "-" + String(UInt64(about.st_ino), radix: 16)
    }

    /// A path without links, `.` and `..`; nil if it leads nowhere, with `errno`.
    static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    static func isDirectory(_ path: String) -> Bool {
        var about = stat()
        return lstat(path, &about) == 0 && about.st_mode & S_IFMT == S_IFDIR
    }
}
