internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Reads from a task's sandbox over its agent's side port.
///
/// A file may be followed as it grows, until the task has ended: then a broken connection (the agent may be restarting) is
/// made again where it broke off.
struct SandboxReader {
    let host: String
    let port: Int
    /// `/sandbox/<framework>/<task>/<file>`.
    let path: String
    let group: any EventLoopGroup
    /// Shown to the agent; nil where it wants none.
    var token: String?
    /// More than the place to read at.
    var query: [String] = []

    /// How often in a row nothing may come before the reader gives up, a second apart.
    private static let attempts = 30

    /// Has the kernel ask every 5 s whether the agent's machine is there, after 10 s of silence, and give up after 15 s.
    ///
    /// A task may print nothing for days, and a machine or container that is gone says nothing either.
    private static let keepalive: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
        (.init(level: .socket, name: .so_keepalive), 1),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 10),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 5),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), 3),
    ]

    /// Hands over the bytes of a file as they come; returns when the file is complete.
    ///
    /// What the agent has cut off before it could be read is missed, and said so on standard error.
    ///
    /// - Parameter start: Where to begin; negative: from the end.
    /// - Throws: `Complaint` if the agent cannot be reached for half a minute, or refuses.
    func read(from start: Int = 0, _ body: (ByteBuffer) throws -> Void) async throws {
        var offset = start
        var hasBegun = false
        var failures = 0
        while true {
            do {
                let isComplete = try await self.ask(
                    self.query + ["offset=\(offset)", "follow"],
                    onHead: { head in
                        // The sandbox may be a moment younger than the news of its task.
                        if head.status == .notFound || head.status == .serviceUnavailable { return false }
                        let place = head.headers.first(name: "meseta-offset").flatMap { Int($0) }
                        if let place, hasBegun || start >= 0, place > offset {
                            print(
                                "meseta: \(place - offset) bytes of \(self.path) are no longer there",
                                to: &standardError)
                        }
                        offset = place ?? max(0, offset)
                        hasBegun = true
                        return true
                    },
                    onBytes: { bytes in
                        offset += bytes.readableBytes
                        failures = 0
                        try body(bytes)
                    })
                if isComplete { return }
            } catch let complaint as Complaint {
                throw complaint
            } catch {
                // The connection broke, or there was none: tried again below.
            }
            failures += 1
            guard failures < Self.attempts else {
                throw Complaint("the agent at \(self.host):\(self.port) does not answer: no output of \(self.path)")
            }
            // After a gap there is no need to wait.
            if failures > 1 || !hasBegun { try await Task.sleep(for: .seconds(1)) }
        }
    }

    /// Hands over what is there now.
    ///
    /// - Parameter isFile: A directory is refused.
    /// - Returns: Whether it is an archive.
    /// - Throws: `Complaint` if the agent does not answer, refuses, or breaks off.
    @discardableResult
    func fetch(isFile: Bool = false, _ body: (ByteBuffer) throws -> Void) async throws -> Bool {
        var isArchive = false
        let isComplete: Bool
        do {
            isComplete = try await self.ask(
                self.query,
                onHead: { head in
                    if head.status == .notFound {
                        throw Complaint("there is no \(self.path) at \(self.host):\(self.port)")
                    }
                    isArchive = head.headers.first(name: "content-type") == "application/x-tar"
                    // Only what is asked for a piece of a file tells where that begins.
                    if isFile, head.headers.first(name: "meseta-offset") == nil {
                        throw Complaint("\(self.path) is a directory: 'meseta sandbox ls' lists it")
                    }
                    return true
                }, onBytes: body)
        } catch let complaint as Complaint {
            throw complaint
        } catch {
            throw Complaint("cannot read \(self.path) from the agent at \(self.host):\(self.port): \(error)")
        }
        guard isComplete else {
            throw Complaint(
                "the agent at \(self.host):\(self.port) broke off: \(self.path) has changed meanwhile, or it ended")
        }
        return isArchive
    }

    /// One request.
    ///
    /// - Parameter onHead: Returns whether the answer is wanted.
    /// - Returns: Whether the answer was whole.
    private func ask(
        _ query: [String], onHead: (HTTPResponseHead) throws -> Bool, onBytes: (ByteBuffer) throws -> Void
    ) async throws -> Bool {
        var bootstrap = ClientBootstrap(group: self.group).connectTimeout(.seconds(5))
        for (option, value) in Self.keepalive { bootstrap = bootstrap.channelOption(option, value: value) }
        let channel =
            try await bootstrap
            .connect(host: self.host, port: self.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var headers = HTTPHeaders([("host", "\(self.host):\(self.port)")])
            if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
            let target = query.isEmpty ? self.path : "\(self.path)?\(query.joined(separator: "&"))"
            try await outbound.write(
                .head(HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)))
            try await outbound.write(.end(nil))
            for try await part in inbound {
                switch part {
                case .head(let head):
                    if let problem = self.problem(head.status) { throw problem }
                    guard try onHead(head) else { return false }
                case .body(let bytes): try onBytes(bytes)
                case .end: return true
                }
            }
            return false
        }
    }

    private func problem(_ status: HTTPResponseStatus) -> Complaint? {
        switch status {
        case .ok, .partialContent, .notFound, .serviceUnavailable: return nil
        case .unauthorized where self.token == nil:
            return Complaint(
                "the agent at \(self.host):\(self.port) wants a token: give the cluster's secret with --secret-file, or set "
                    + "MESETA_FILE_TOKEN")
        case .unauthorized:
            return Complaint(
                "the agent at \(self.host):\(self.port) does not accept the token: is the secret this cluster's, and do the "
                    + "clocks agree?")
        default: return Complaint("the agent at \(self.host):\(self.port) refuses \(self.path): \(status)")
        }
    }
}
