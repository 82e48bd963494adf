public import Frames
internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Lets its bearer read what lies below one path of side ports, until it expires.
///
///     meseta1.<seconds since 1970>.<path, base64url>.<HMAC-SHA256 of all before, base64url>
///
/// It is signed with a key that is derived from the cluster's secret, so every agent can check it and none need
/// remember it; it cannot be called back before it expires. The path is `/` for everything, `/sandbox/F` for the
/// sandboxes of a framework, or longer; it holds for whole parts of a path.
public struct AccessToken: Hashable, Sendable {
    /// What it opens: the parts of a path, percent-encoding undone.
    public var scope: [String]
    /// Seconds since 1970, from which on it is worth nothing.
    public var expiry: Int64

    private static let version = "meseta1"
    private static let purpose = "meseta side port token 1"
    /// The most characters of one.
    static let longest = 4096

    /// A token that is not signed yet.
    public init(scope: [String], expiry: Int64) {
        self.scope = scope
        self.expiry = expiry
    }

    /// A token that holds from now on for so long.
    public init(scope: [String], for duration: Duration) {
        self.init(scope: scope, expiry: Self.now() &+ duration.components.seconds)
    }

    /// Everything below `/sandbox` of one framework.
    public static func sandboxes(of framework: String) -> [String] { ["sandbox", framework] }

    /// Why a text opens nothing.
    public enum Problem: Error, Hashable, Sendable {
        /// It is no token.
        case malformed
        /// It is not signed with this secret.
        case forged
        /// It was good once.
        case expired
    }

    /// As it is sent.
    public func signed(with secret: Secret) -> String {
        let path = "/" + self.scope.map(Self.encoded).joined(separator: "/")
        let claim = "\(Self.version).\(self.expiry).\(Base64URL.text(Array(path.utf8)))"
        let code = secret.authenticationCode(of: Array(claim.utf8), for: Self.purpose)
        return "\(claim).\(Base64URL.text(code))"
    }

    /// Reads one that was sent.
    ///
    /// The signature is checked before anything is believed.
    public init(_ text: String, signedWith secret: Secret, now: Int64) throws(Problem) {
        guard text.utf8.count <= Self.longest else { throw .malformed }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == Self.version, let code = Base64URL.bytes(parts[3]) else {
            throw .malformed
        }
        let claim = Array(parts[..<3].joined(separator: ".").utf8)
        guard secret.isAuthenticationCode(code, of: claim, for: Self.purpose) else { throw .forged }
        guard let expiry = Int64(parts[1]), let bytes = Base64URL.bytes(parts[2]),
            let path = String(validating: bytes, as: UTF8.self), let scope = SideRequest.parts(of: path)
        else { throw .malformed }
        guard now < expiry else { throw .expired }
        self.init(scope: scope, expiry: expiry)
    }

    /// Whether it opens that path.
    public func opens(_ parts: [String]) -> Bool { parts.starts(with: self.scope) }

    /// Seconds since 1970.
    public static func now() -> Int64 { Int64(time(nil)) }

    /// One part of a path, as it is written in a URL.
    public static func encoded(_ part: String) -> String {
        var result = ""
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}

/// Lets requests to a side port in that show a token which opens what they ask for.
///
/// Where the cluster has no secret everybody is let in: then the port is on loopback, or somebody said `--insecure`.
public struct AccessGuard: Sendable {
    private let secret: Secret?
    private let now: @Sendable () -> Int64

    /// - Parameter secret: Nil: everybody is let in.
    public init(secret: Secret?) { self.init(secret: secret, now: { AccessToken.now() }) }

    /// With a clock of one's own, for tests.
    init(secret: Secret?, now: @escaping @Sendable () -> Int64) {
        self.secret = secret
        self.now = now
    }

    /// What to answer instead, if the request is not let in: 401 or 403, in JSON.
    ///
    /// The token is taken from `Authorization: Bearer`, else from `?token=`.
    public func refusal(of request: SideRequest) -> SideResponse? {
        guard let secret = self.secret else { return nil }
        guard let text = Self.token(of: request) else {
            return Self.refusal(
                401, "a token is needed",
                "make one with: meseta token create --secret-file FILE; send it as Authorization: Bearer TOKEN")
        }
        let token: AccessToken
        do throws(AccessToken.Problem) {
            token = try AccessToken(text, signedWith: secret, now: self.now())
        } catch {
            switch error {
            case .malformed:
                return Self.refusal(401, "this is no token", "a token begins with meseta1. and has four parts")
            case .forged:
                return Self.refusal(401, "the token is not of this cluster", "make it with the secret of this cluster")
            case .expired:
                return Self.refusal(401, "the token has expired", "make a new one with: meseta token create")
            }
        }
        guard let parts = request.parts, token.opens(parts) else {
            return Self.refusal(
                403, "the token does not open this path",
                "make one for it: meseta token create --framework ID, or --all")
        }
        return nil
    }

    private static func token(of request: SideRequest) -> String? {
        if let header = request.header("authorization") {
            let words = header.split(separator: " ")
            guard words.count == 2, words[0].lowercased() == "bearer" else { return "" }
            return String(words[1])
        }
        return request.parameter("token")
    }

    private static func refusal(_ status: Int, _ error: String, _ hint: String) -> SideResponse {
        var response = SideResponse.json(Array("{\"error\":\"\(error)\",\"hint\":\"\(hint)\"}\n".utf8), status: status)
        response.headers.append(("cache-control", "no-store"))
        if status == 401 { response.headers.append(("www-authenticate", "Bearer realm=\"meseta\"")) }
        return response
    }
}

/// Bytes as letters, digits, `-` and `_` (RFC 4648, section 5), without padding.
enum Base64URL {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = [], held: UInt32 = 0, bits = 0
        for byte in bytes {
            (held, bits) = (held << 8 | UInt32(byte), bits + 8)
            while bits >= 6 {
                bits -= 6
                result.append(Self.digits[Int(held >> UInt32(bits) & 63)])
            }
            held &= 0xff
        }
        if bits > 0 { result.append(Self.digits[Int(held << UInt32(6 - bits) & 63)]) }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil if it holds another character, or could have been written in another way.
    static func bytes(_ text: Substring) -> [UInt8]? {
        var result: [UInt8] = [], held: UInt32 = 0, bits = 0
        for byte in text.utf8 {
            guard let digit = Self.digits.firstIndex(of: byte) else { return nil }
            (held, bits) = (held << 6 | UInt32(digit), bits + 6)
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
            }
            held &= 0xff
        }
        return Self.text(result) == text ? result : nil
    }
}
