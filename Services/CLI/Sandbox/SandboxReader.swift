internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Reads a file of a task's sandbox from its agent's side port, as it grows, until the task has ended.
///
/// A broken connection (the agent may be restarting) is made again where it broke off.
struct SandboxReader {
    let host: String
    let port: Int
    /// `/sandbox/<framework>/<task>/<file>`.
    let path: String
    let group: any EventLoopGroup

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

    /// Hands over the bytes as they come; returns when the file is complete.
    ///
    /// - Throws: `Complaint` if the agent cannot be reached for half a minute, or refuses.
    func read(_ body: (ByteBuffer) throws -> Void) async throws {
        var offset = 0
        var failures = 0
        while true {
            do {
                let isComplete = try await self.readOnce(from: offset) { bytes in
                    offset += bytes.readableBytes
                    failures = 0
                    try body(bytes)
                }
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
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// One request.
    ///
    /// - Returns: Whether the answer was whole.
    private func readOnce(from offset: Int, _ body: (ByteBuffer) throws -> Void) async throws -> Bool {
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
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: "\(self.path)?offset=\(offset)&follow",
                headers: ["host": "\(self.host):\(self.port)"])
            try await outbound.write(.head(head))
            try await outbound.write(.end(nil))
            for try await part in inbound {
                switch part {
                case .head(let head):
                    // The sandbox may be a moment younger than the news of its task.
                    if head.status == .notFound || head.status == .serviceUnavailable { return false }
                    guard head.status == .ok || head.status == .partialContent else {
                        throw Complaint("the agent at \(self.host):\(self.port) refuses \(self.path): \(head.status)")
                    }
                case .body(let bytes): try body(bytes)
                case .end: return true
                }
            }
            return false
        }
    }
}
