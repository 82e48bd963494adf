internal import CZooKeeper
internal import Dispatch
public import Model

/// What a request to ZooKeeper came to, where it did not succeed.
public enum ZooKeeperError: Error, Hashable, Sendable, CustomStringConvertible {
    case noNode
    case nodeExists
    case badVersion
    /// Whether the request was carried out is not known.
    case connectionLoss
    case sessionExpired
    /// Anything else, by the library's code.
    case other(Int32)

    init?(code: Int32) {
        switch code {
        case Int32(ZOK.rawValue): return nil
        case Int32(ZNONODE.rawValue): self = .noNode
        case Int32(ZNODEEXISTS.rawValue): self = .nodeExists
        case Int32(ZBADVERSION.rawValue): self = .badVersion
        case Int32(ZCONNECTIONLOSS.rawValue), Int32(ZOPERATIONTIMEOUT.rawValue), Int32(ZCLOSING.rawValue):
            self = .connectionLoss
        case Int32(ZSESSIONEXPIRED.rawValue), Int32(ZINVALIDSTATE.rawValue): self = .sessionExpired
        default: self = .other(code)
        }
    }

    /// The library's own words.
    public var description: String {
        switch self {
        case .noNode: "no such node"
        case .nodeExists: "the node exists"
        case .badVersion: "the node has another version"
        case .connectionLoss: "the connection was lost"
        case .sessionExpired: "the session expired"
        case .other(let code): String(cString: zerror(code))
        }
    }
}

/// One session with ZooKeeper.
///
/// Owns the C handle: made in `init`, closed once by `close`. The library calls back on threads of its own; each callback
/// recovers its context, copies what it was given, and hands it to a closure. Nothing here is called back after `close`
/// returned. The handle itself is safe to use from any thread, which is why the class may be sent.
public final class ZooKeeperSession: @unchecked Sendable {
    /// What becomes of the session.
    public enum Change: Hashable, Sendable {
        case connected
        /// The connection is down; the session may still live.
        case connecting
        case expired
        /// A watch on this path fired.
        case watchFired(path: String)
    }

    private let handle: OpaquePointer
    private let context: Unmanaged<Listener>

    private final class Listener: Sendable {
        let changed: @Sendable (Change) -> Void
        init(_ changed: @escaping @Sendable (Change) -> Void) { self.changed = changed }
    }

    private final class Completion<Value> {
        let body: @Sendable (Result<Value, ZooKeeperError>) -> Void
        init(_ body: @escaping @Sendable (Result<Value, ZooKeeperError>) -> Void) { self.body = body }

        func retained() -> UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

        static func take(_ context: UnsafeRawPointer?) -> Completion? {
            context.map { Unmanaged<Completion>.fromOpaque($0).takeRetainedValue() }
        }
    }

    /// Opens a session; `connected` follows when it is usable.
    ///
    /// - Parameters:
    ///   - servers: `host:port,host:port`.
    ///   - timeout: Of the session; the servers may round it.
    ///   - changed: Called on a thread of the library's.
    /// - Throws: `other` if the servers' names cannot be understood.
    public init(
        servers: String, timeout: Duration, changed: @escaping @Sendable (Change) -> Void
    ) throws(ZooKeeperError) {
        zoo_set_debug_level(ZooLogLevel(rawValue: 0))  // What matters is told to `changed`, and logged by its owner.
        let context = Unmanaged.passRetained(Listener(changed))
        let watcher: watcher_fn = { _, type, state, path, context in
            guard let context else { return }
            let listener = Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue()
            guard type == ZOO_SESSION_EVENT else {
                if let path { listener.changed(.watchFired(path: String(cString: path))) }
                return
            }
            switch state {
            case ZOO_CONNECTED_STATE: listener.changed(.connected)
            case ZOO_EXPIRED_SESSION_STATE, ZOO_AUTH_FAILED_STATE: listener.changed(.expired)
            default: listener.changed(.connecting)
            }
        }
        let milliseconds = Int32(clamping: timeout.nanoseconds / 1_000_000)
        guard let handle = zookeeper_init(servers, watcher, milliseconds, nil, context.toOpaque(), 0) else {
            context.release()
            throw .other(Int32(ZBADARGUMENTS.rawValue))
        }
        self.handle = handle
        self.context = context
    }

    /// Ends the session; its ephemeral nodes go at once.
    ///
    /// Call it once, never from a callback. It blocks: for milliseconds if the service answers, for seconds if it is silent.
    public func close() {
        zookeeper_close(self.handle)
        self.context.release()
    }

    /// Ends the session on a thread of its own, so that nobody else's work waits for a service that is silent.
    ///
    /// A queue of its own gets such a thread. The shared ones have few: those that run all tasks of the process.
    func closeLater(then: @escaping @Sendable () -> Void = {}) {
        DispatchQueue(label: "meseta.session.close").async {
            self.close()
            then()
        }
    }

    /// Makes a node.
    ///
    /// - Returns: By `then`, the path made, with its sequence if one was asked for.
    public func create(
        _ path: String, data: Bytes, isEphemeral: Bool = false, isSequential: Bool = false,
        then: @escaping @Sendable (Result<String, ZooKeeperError>) -> Void
    ) {
        let flags = (isEphemeral ? 1 : 0) | (isSequential ? 2 : 0)
        let completion = Completion(then).retained()
        let code = data.withUnsafeBytes { bytes in
            zoo_acreate(
                self.handle, path, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count),
                meseta_open_acl(), Int32(flags),
                { code, value, context in
                    let name = value.map { String(cString: $0) } ?? ""
                    Completion<String>.take(context)?.body(ZooKeeperSession.result(code, name))
                }, completion)
        }
        Self.failNow(code, completion, as: String.self)
    }

    /// Lists a node's children, and watches them once.
    public func children(
        of path: String, watch: Bool, then: @escaping @Sendable (Result<[String], ZooKeeperError>) -> Void
    ) {
        let completion = Completion(then).retained()
        let code = zoo_aget_children(
            self.handle, path, watch ? 1 : 0,
            { code, strings, context in
                var names: [String] = []
                if let strings {
                    for index in 0..<Int(strings.pointee.count) {
                        if let name = strings.pointee.data[index] { names.append(String(cString: name)) }
                    }
                }
                Completion<[String]>.take(context)?.body(ZooKeeperSession.result(code, names))
            }, completion)
        Self.failNow(code, completion, as: [String].self)
    }

    /// Reads a node: its data and version.
    public func read(
        _ path: String, then: @escaping @Sendable (Result<(data: Bytes, version: Int32), ZooKeeperError>) -> Void
    ) {
        let completion = Completion(then).retained()
        let code = zoo_aget(
            self.handle, path, 0,
            { code, value, length, stat, context in
                var data: Bytes = []
                if let value, length > 0 {
                    data = Bytes(UnsafeRawBufferPointer(start: value, count: Int(length)))
                }
                let version = stat?.pointee.version ?? -1
                Completion<(data: Bytes, version: Int32)>.take(context)?
                    .body(ZooKeeperSession.result(code, (data: data, version: version)))
            }, completion)
        Self.failNow(code, completion, as: (data: Bytes, version: Int32).self)
    }

    /// Deletes a node at that version; -1 for any.
    public func delete(
        _ path: String, version: Int32 = -1, then: @escaping @Sendable (Result<Void, ZooKeeperError>) -> Void
    ) {
        let completion = Completion(then).retained()
        let code = zoo_adelete(
            self.handle, path, version,
            { code, context in Completion<Void>.take(context)?.body(ZooKeeperSession.result(code, ())) }, completion)
        Self.failNow(code, completion, as: Void.self)
    }

    /// Sets `path` if it has that version and `guardPath` exists: both or nothing.
    public func set(
        _ path: String, to data: Bytes, version: Int32, whileExists guardPath: String,
        then: @escaping @Sendable (Result<Void, ZooKeeperError>) -> Void
    ) {
        // The library writes the results until it completes, so they live as long as the completion.
        let results = UnsafeMutablePointer<zoo_op_result_t>.allocate(capacity: 2)
        let address = UInt(bitPattern: results)
        let completion = Completion<Void> { result in
            UnsafeMutablePointer<zoo_op_result_t>(bitPattern: address)?.deallocate()
            then(result)
        }.retained()
        var operations = [zoo_op_t(), zoo_op_t()]
        let code = path.withCString { path in
            guardPath.withCString { guardPath in
                data.withUnsafeBytes { bytes in
                    zoo_check_op_init(&operations[0], guardPath, -1)
                    zoo_set_op_init(
                        &operations[1], path, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                        Int32(bytes.count), version, nil)
                    return zoo_amulti(
                        self.handle, 2, operations, results,
                        { code, context in Completion<Void>.take(context)?.body(ZooKeeperSession.result(code, ())) },
                        completion)
                }
            }
        }
        Self.failNow(code, completion, as: Void.self)
    }

    private static func result<Value>(_ code: Int32, _ value: Value) -> Result<Value, ZooKeeperError> {
        if let error = ZooKeeperError(code: code) { .failure(error) } else { .success(value) }
    }

    /// A request that the library did not take: its completion is never called, so it is called here.
    private static func failNow<Value>(_ code: Int32, _ completion: UnsafeMutableRawPointer, as type: Value.Type) {
        guard let error = ZooKeeperError(code: code) else { return }
        Completion<Value>.take(completion)?.body(.failure(error))
    }
}
