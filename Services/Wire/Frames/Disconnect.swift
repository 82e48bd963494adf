public import Model
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How a connection came to its end.
public struct Disconnect: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of ends.
    public enum Kind: String, Hashable, Sendable {
        /// The other side ended it without a word: its process has exited, or was told to.
        case ended
        /// The other side's kernel knows nothing of the connection: the process was killed, or its host restarted. Or this
        /// side's kernel has given up sending.
        case reset
        /// Nothing was heard, or nothing confirmed, for too long: host or network are gone, or the process hangs.
        case silent
        /// It did not read what was sent to it.
        case tooSlow
        /// What it sent were no frames.
        case malformed
        /// The other side said why: see `refusal`.
        case refused
        /// This side ended it.
        case closedHere
        /// The kernel reported something else.
        case failed
    }

    /// Which kind of end.
    public let kind: Kind
    /// For people: what happened.
    public let message: String
    /// What the other side gave as its reason, or was given as this side's.
    public let refusal: Refusal?

    /// An end of that kind.
    public init(_ kind: Kind, _ message: String, refusal: Refusal? = nil) {
        self.kind = kind
        self.message = message
        self.refusal = refusal
    }

    /// The message.
    public var description: String { self.message }

    static let ended = Disconnect(.ended, "closed by the other side")
    static let reset = Disconnect(.reset, "reset by the other side")

    /// What an error that the kernel reported means.
    init(error: any Error) {
        guard let error = error as? IOError else {
            self.init(.failed, "the connection failed: \(error)")
            return
        }
        switch error.errnoCode {
        case ECONNRESET, EPIPE, ECONNABORTED:
            self = .reset
        case ETIMEDOUT:
            self.init(.silent, "what was sent has not been confirmed for too long")
        case let code:
            self.init(.failed, "the connection failed: \(String(cString: strerror(code)))")
        }
    }
}

/// What happened to a dialler; a standby tells a dead leader from a slow one by it.
public enum DialEvent: Hashable, Sendable {
    /// The other side welcomed this one. `onConnected` follows.
    case welcomed(address: String, Welcome)
    /// The other side answered and refused. Another address, or the leader it names, is tried.
    case refused(address: String, Refusal)
    /// There was no answer.
    case failed(address: String, DialFailure)
    /// A connection that had been welcomed is gone. `onDisconnected` follows.
    case lost(address: String, Disconnect)
}

/// Why an address did not answer.
public enum DialFailure: Hashable, Sendable, CustomStringConvertible {
    /// Its host lives, and nobody listens on the port.
    case connectionRefused
    /// The connection was there and was reset before the handshake was done.
    case reset
    /// No answer in time: to the connect, or in the handshake.
    case timedOut
    /// It ended the connection without an answer.
    case ended
    /// The name is not known, the network cannot be reached, or the like.
    case unreachable(String)
    /// It is not host:port.
    case badAddress
    /// What it answered was not a handshake.
    case malformed(String)

    /// For people.
    public var description: String {
        switch self {
        case .connectionRefused: "connection refused"
        case .reset: "connection reset"
        case .timedOut: "timed out"
        case .ended: "closed without an answer"
        case .unreachable(let reason): "unreachable: \(reason)"
        case .badAddress: "not an address of the form host:port"
        case .malformed(let reason): "no Meseta service: \(reason)"
        }
    }

    /// What a failed connect means.
    init(connectError error: any Error) {
        if let error = error as? NIOConnectionError {
            let single = error.connectionErrors.first?.error
            if let single {
                self.init(connectError: single)
            } else {
                self = .unreachable("no address for \(error.host)")
            }
            return
        }
        if let error = error as? ChannelError, case .connectTimeout = error {
            self = .timedOut
            return
        }
        guard let error = error as? IOError else {
            self = .unreachable("\(error)")
            return
        }
        switch error.errnoCode {
        case ECONNREFUSED: self = .connectionRefused
        case ECONNRESET, EPIPE: self = .reset
        case ETIMEDOUT: self = .timedOut
        case let code: self = .unreachable(String(cString: strerror(code)))
        }
    }

    /// What the end of a connection in the middle of a handshake means.
    init(duringHandshake end: Disconnect) {
        switch end.kind {
        case .ended: self = .ended
        case .reset: self = .reset
        case .silent, .tooSlow: self = .timedOut
        case .malformed: self = .malformed(end.message)
        case .refused, .closedHere, .failed: self = .unreachable(end.message)
        }
    }
}
