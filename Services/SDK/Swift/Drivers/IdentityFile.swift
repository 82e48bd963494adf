import Glibc
import Model

/// The file that keeps a framework's id from one life of its scheduler to the next.
struct IdentityFile: Sendable {
    let path: String

    /// The id kept there; nil if there is no file yet.
    func read() throws(MesetaError) -> FrameworkID? {
        let file = open(self.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw self.failure("cannot be read")
        }
        defer { close(file) }
        var bytes = Bytes(repeating: 0, count: 1024)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw self.failure("cannot be read") }
        let text = String(decoding: bytes[..<count], as: UTF8.self).filter { !$0.isWhitespace }
        return text.isEmpty ? nil : FrameworkID(text)
    }

    /// Keeps an id: what is read later is either the old one or this one, whole.
    func write(_ id: FrameworkID) throws(MesetaError) {
        let temporary = "\(self.path).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw self.failure("cannot be written") }
        let bytes = Bytes("\(id)\n".utf8)
        let isWritten = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count
        guard isWritten, fsync(file) == 0 else {
            close(file)
            throw self.failure("cannot be written")
        }
        close(file)
        guard rename(temporary, self.path) == 0 else { throw self.failure("cannot be written") }
    }

    private func failure(_ what: String) -> MesetaError {
        MesetaError(.configuration, "The framework id's file \(self.path) \(what): \(String(cString: strerror(errno)))")
    }
}
