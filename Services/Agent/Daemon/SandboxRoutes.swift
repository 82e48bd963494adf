import AgentCore
import Isolation
import Model
import Runtime

/// `/sandbox/...` on the side port: directories as JSON, files as bytes, also while they grow.
extension AgentHost {
    func showSandboxes(on sidePort: SidePort, directory: String) {
        let sandboxes = Sandboxes(host: self, files: SandboxFiles(root: directory))
        sidePort.get("/sandbox/") { request in try await sandboxes.answer(to: request) }
    }
}

/// Answers requests for what is in sandboxes.
private struct Sandboxes: Sendable {
    let host: AgentHost
    let files: SandboxFiles

    func answer(to request: SideRequest) async throws -> SideResponse {
        guard let wish = SandboxRequest(target: Self.target(of: request)) else {
            return .text(
                "write /sandbox/<framework>/<task or executor>[/<path>][?offset=N][&length=N][&follow]", status: 400)
        }
        let framework = FrameworkID(wish.framework)
        let sandbox = try await self.host.sandbox(of: framework, named: wish.name)
        let files = self.files
        do {
            let found = try await BlockingWork.run { () throws(SandboxFileError) -> Found in
                guard let top = sandbox.candidates.first(where: { files.isDirectory($0) }) else { throw .notFound }
                let path = top + wish.path
                if files.isDirectory(path) { return .directory(try files.list(path)) }
                _ = try files.read(path, offset: 0, length: 0)
                return .file(path)
            }
            switch found {
            case .directory(let entries): return .json(Array(entries.json.utf8))
            case .file(let path): return self.file(path, wish)
            }
        } catch let error as SandboxFileError {
            return Self.response(to: error)
        }
    }

    private enum Found: Sendable {
        case directory([SandboxEntry])
        case file([String])
    }

    private func file(_ path: [String], _ wish: SandboxRequest) -> SideResponse {
        let type = ["stdout", "stderr"].contains(path.last) ? "text/plain; charset=utf-8" : "application/octet-stream"
        return SideResponse(
            headers: [("content-type", type), ("cache-control", "no-store")],
            body: .stream(length: nil) { try await self.send(path, wish, to: $0) })
    }

    /// Piece by piece, as fast as the reader takes it; with `follow`, until the task has ended and all is sent.
    private func send(_ path: [String], _ wish: SandboxRequest, to writer: BodyWriter) async throws {
        var offset = wish.offset
        var rest = wish.length ?? .max
        while rest > 0 {
            // Asked before reading: what was written before the end is read after it.
            var isLast = !wish.follows
            if wish.follows { isLast = try await !self.isRunning(wish) }
            let (start, length) = (offset, min(rest, Self.pieceBytes)), files = self.files
            let piece = try await BlockingWork.run { try files.read(path, offset: start, length: length) }
            if offset < 0 { offset = max(0, piece.size + offset) }
            offset += Int64(piece.bytes.count)
            rest -= piece.bytes.count
            if !piece.bytes.isEmpty {
                try await writer.write(piece.bytes)
            } else if isLast {
                return
            } else {
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    private static let pieceBytes = 256 << 10
    /// How often a file that is followed is looked at.
    private static let pause: Duration = .milliseconds(100)

    private func isRunning(_ wish: SandboxRequest) async throws -> Bool {
        try await self.host.sandbox(of: FrameworkID(wish.framework), named: wish.name).isRunning
    }

    private static func response(to error: SandboxFileError) -> SideResponse {
        switch error {
        case .notFound: .text("there is no such file or directory", status: 404)
        case .refused(let reason): .text("not shown: \(reason)", status: 403)
        case .failed(let reason): .text("cannot be read: \(reason)", status: 500)
        }
    }

    /// The target as it was asked for, up to spelling: `SandboxRequest` reads it as a whole.
    private static func target(of request: SideRequest) -> String {
        let path = request.path.split(separator: "/").map { self.encoded($0) }.joined(separator: "/")
        let query = request.query.map { $0.value.isEmpty ? $0.name : "\($0.name)=\($0.value)" }.joined(separator: "&")
        return query.isEmpty ? "/\(path)" : "/\(path)?\(query)"
    }

    private static func encoded(_ part: Substring) -> String {
        part.utf8.map { byte in
            let isPlain = byte != UInt8(ascii: "%") && byte != UInt8(ascii: "?") && byte > 0x20 && byte < 0x7f
            if isPlain { return String(UnicodeScalar(byte)) }
            return "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
