internal import Crypto
#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// What every process of a cluster knows and nobody else: proved in the handshake, never sent.
///
/// Prints as its length only.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The fewest bytes a secret may have.
    public static let shortest = 16
    /// The most bytes a secret file may hold.
    public static let longest = 4096
    /// Bytes of a nonce.
    static let nonceBytes = 16

    private let key: SymmetricKey

    /// Why a secret cannot be used.
    public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case exposed(path: String, mode: String)
        case tooShort(count: Int)
        case tooLong(path: String)

        /// For people: what is wrong and what to do.
        public var description: String {
            switch self {
            case .unreadable(let path, let reason):
                "the secret file \(path) cannot be read: \(reason)"
            case .exposed(let path, let mode):
                "the secret file \(path) may be read or written by everybody (mode \(mode)): chmod 600 \(path)"
            case .tooShort(let count):
                "the secret has \(count) bytes, at least \(Secret.shortest) are needed: head -c 32 /dev/urandom | base64"
            case .tooLong(let path):
                "the secret file \(path) holds more than \(Secret.longest) bytes: is it the right file?"
            }
        }
    }

    /// Takes the secret itself.
    ///
    /// - Throws: `tooShort`.
    public init(_ bytes: Bytes) throws(Problem) {
        guard bytes.count >= Self.shortest else { throw .tooShort(count: bytes.count) }
        self.key = SymmetricKey(data: bytes)
    }

    /// Reads a file.
    ///
    /// Line ends at its end are not part of the secret.
    ///
    /// - Throws: `unreadable`, `exposed` if others than owner and group may touch it, `tooShort`, `tooLong`.
    public init(file path: String) throws(Problem) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & 0o007 == 0 else {
            throw .exposed(path: path, mode: String(status.st_mode & 0o777, radix: 8))
        }
        var bytes = Bytes(repeating: 0, count: Self.longest + 1)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, room) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.longest else { throw .tooLong(path: path) }
        bytes.removeLast(bytes.count - count)
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        try self.init(bytes)
    }

    /// Tells nothing but the length.
    public var description: String { "secret of \(self.key.bitCount / 8) bytes" }
    /// Tells nothing but the length.
    public var debugDescription: String { self.description }

    /// Random bytes that are used once.
    static func nonce() -> Bytes {
        var generator = SystemRandomNumberGenerator()
        return (0..<Self.nonceBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// What the called side proves itself with: `HMAC(secret, "meseta called" | Hello.nonce | nonce)`.
    func calledProof(callerNonce: Bytes, calledNonce: Bytes) -> Bytes {
        Bytes(HMAC<SHA256>.authenticationCode(for: Self.calledText(callerNonce, calledNonce), using: self.key))
    }

    /// What the caller proves itself with: `HMAC(secret, "meseta caller" | role | Hello.nonce | Challenge.nonce)`.
    func callerProof(role: PeerRole, callerNonce: Bytes, calledNonce: Bytes) -> Bytes {
        Bytes(HMAC<SHA256>.authenticationCode(for: Self.callerText(role, callerNonce, calledNonce), using: self.key))
    }

    /// Compares in constant time.
    func isCalledProof(_ proof: Bytes, callerNonce: Bytes, calledNonce: Bytes) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            proof, authenticating: Self.calledText(callerNonce, calledNonce), using: self.key)
    }

    /// Compares in constant time.
    func isCallerProof(_ proof: Bytes, role: PeerRole, callerNonce: Bytes, calledNonce: Bytes) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            proof, authenticating: Self.callerText(role, callerNonce, calledNonce), using: self.key)
    }

    /// Signs something outside the handshake: `HMAC(HMAC(secret, purpose), bytes)`.
    ///
    /// - Parameter purpose: Differs for each kind of thing, so that none passes for another.
    public func authenticationCode(of bytes: Bytes, for purpose: String) -> Bytes {
        Bytes(HMAC<SHA256>.authenticationCode(for: bytes, using: self.key(for: purpose)))
    }

    /// Compares in constant time.
    public func isAuthenticationCode(_ code: Bytes, of bytes: Bytes, for purpose: String) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: bytes, using: self.key(for: purpose))
    }

    private func key(for purpose: String) -> SymmetricKey {
        SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Bytes(purpose.utf8), using: self.key))
    }

    private static func calledText(_ callerNonce: Bytes, _ calledNonce: Bytes) -> Bytes {
        Bytes("meseta called".utf8) + callerNonce + calledNonce
    }

    private static func callerText(_ role: PeerRole, _ callerNonce: Bytes, _ calledNonce: Bytes) -> Bytes {
        Bytes("meseta caller".utf8) + [UInt8(truncatingIfNeeded: role.rawValue)] + callerNonce + calledNonce
    }
}
