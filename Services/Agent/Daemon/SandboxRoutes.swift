import AgentCore
import Isolation
import Model
import Runtime

/// `/sandbox/...` on the side port: directories as JSON, pages or archives, files as bytes, also while they grow.
extension AgentHost {
    func showSandboxes(on sidePort: SidePort, directory: String, for access: AccessGuard) {
        let sandboxes = Sandboxes(host: self, files: SandboxFiles(root: directory))
        sidePort.get("/sandbox/", for: access) { request in
            var response = try await sandboxes.answer(to: request)
            response.headers += [
                ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
                ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ]
            return response
        }
    }
}

/// Answers requests for what is in sandboxes.
private struct Sandboxes: Sendable {
    let host: AgentHost
    let files: SandboxFiles

    private static let usage = """
        write /sandbox/<framework>/<task or executor>[/<path>][?run=N][&offset=N][&length=N][&follow][&download] \
        or /sandbox/<framework>/<task or executor>?runs
        """

    func answer(to request: SideRequest) async throws -> SideResponse {
        guard let wish = SandboxRequest(target: request.target) else { return .text(Self.usage, status: 400) }
        do {
            if wish.listsRuns { return try await self.runs(wish) }
            let sandbox = try await self.host.sandbox(of: FrameworkID(wish.framework), named: wish.name, run: wish.run)
            let files = self.files
            let source = try await BlockingWork.run { () throws(SandboxFileError) -> Source in
                guard let top = try Self.top(of: sandbox, in: files) else { throw .notFound }
                let path = top + wish.path
                return Source(path: path, status: try files.status(path, isOutput: wish.isOutput), wish: wish)
            }
            let path = source.path
            if source.status.kind == .file { return self.file(source, request) }
            if wish.isDownload { return self.archive(path, wish) }
            let entries = try await BlockingWork.run { try files.list(path) }
            return Self.listing(entries, wish, request)
        } catch let error as SandboxFileError {
            return Self.response(to: error)
        }
    }

    /// The directory that is meant; nil if there is none.
    private static func top(of sandbox: AgentSandbox, in files: SandboxFiles) throws(SandboxFileError) -> [String]? {
        if let present = sandbox.candidates.first(where: { files.isDirectory($0) }) { return present }
        for runs in sandbox.runs {
            if let last = try files.runs(named: runs.name, in: runs.parent).last { return runs.directory(of: last.run) }
        }
        return nil
    }

    private static func response(to error: SandboxFileError) -> SideResponse {
        switch error {
        case .notFound: .text("there is no such file or directory", status: 404)
        case .refused(let reason): .text("not shown: \(reason)", status: 403)
        case .failed(let reason): .text("cannot be read: \(reason)", status: 500)
        }
    }

    // MARK: - Directories

    /// The runs of a task or of an executor, in the order in which they were made.
    private func runs(_ wish: SandboxRequest) async throws -> SideResponse {
        let places = try await self.host.sandboxRuns(of: FrameworkID(wish.framework), named: wish.name)
        let files = self.files
        let runs = try await BlockingWork.run { () throws(SandboxFileError) in
            for place in places {
                let runs = try files.runs(named: place.name, in: place.parent)
                if !runs.isEmpty { return runs }
            }
            throw .notFound
        }
        let objects = runs.map { "{\"run\":\"\($0.run)\",\"modified\":\($0.modified)}" }
        return .json(Array("[\(objects.joined(separator: ","))]\n".utf8))
    }

    private static func listing(
        _ entries: [SandboxEntry], _ wish: SandboxRequest, _ request: SideRequest
    ) -> SideResponse {
        var response = SideResponse.json(Array(entries.json.utf8))
        if request.header("accept")?.contains("text/html") == true {
            var query: [String] = []
            if let run = wish.run { query.append("run=\(run)") }
            if let token = request.parameter("token") { query.append("token=\(AccessToken.encoded(token))") }
            let page = SandboxPages.html(
                entries, at: [wish.framework, wish.name] + wish.path, query: query.joined(separator: "&"))
            response = SideResponse(
                headers: [("content-type", "text/html; charset=utf-8")], body: .bytes(Array(page.utf8)))
        }
        response.headers += [("cache-control", "no-store"), ("vary", "accept")]
        if entries.count >= SandboxFiles.mostEntries { response.headers.append(("meseta-truncated", "true")) }
        return response
    }

    private func archive(_ path: [String], _ wish: SandboxRequest) -> SideResponse {
        let name = (wish.path.last ?? wish.name).replacing("/", with: "_")
        let archive = SandboxArchive(files: self.files, top: path, name: name, isSandbox: wish.path.isEmpty)
        return SideResponse(
            headers: [
                ("content-type", "application/x-tar"), ("cache-control", "no-store"),
                ("content-disposition", SandboxPages.attachment(name + ".tar")),
            ],
            body: .stream(length: nil) { try await archive.send(to: $0) })
    }

    // MARK: - Files

    /// A file, as it was when it was asked for.
    private struct Source: Sendable {
        let path: [String]
        let status: SandboxStatus
        let wish: SandboxRequest

        /// What `offset` and `length` choose.
        var chosen: Range<Int64> {
            let (size, head) = (self.status.size, self.status.head)
            let offset = self.wish.offset
            var start = max(head, offset < 0 ? max(0, size.addingReportingOverflow(offset).partialValue) : offset)
            // An output that was emptied begins anew.
            if start > size { start = self.wish.isOutput && self.wish.follows ? head : size }
            let length = Int64(self.wish.length ?? .max)
            return start..<(size - start > length ? start + length : size)
        }
    }

    private func file(_ source: Source, _ request: SideRequest) -> SideResponse {
        let (wish, status) = (source.wish, source.status)
        let tag = "\"\(status.tag)\""
        var headers = [
            ("content-type", SandboxPages.contentType(of: source.path.last ?? "")),
            ("cache-control", "private, no-cache"),
            ("etag", tag), ("last-modified", SandboxPages.date(status.modified)),
        ]
        if wish.isDownload {
            headers.append(("content-disposition", SandboxPages.attachment(source.path.last ?? "file")))
        }
        if wish.follows {
            let start = source.chosen.lowerBound
            headers.append(("meseta-offset", "\(start)"))
            return SideResponse(
                headers: headers, body: .stream(length: nil) { try await self.follow(source, from: start, to: $0) })
        }
        if request.header("if-none-match")?.contains(tag) == true {
            return SideResponse(status: 304, headers: headers, body: .bytes([]))
        }
        var range = source.chosen, code = 200
        if wish.offset == 0, wish.length == nil {
            headers.append(("accept-ranges", "bytes"))
            if let condition = request.header("if-range"), condition != tag {
                // It has changed: the whole is wanted.
            } else {
                switch request.range(of: Int(status.size)) {
                case .whole: break
                case .part(let part) where Int64(part.upperBound) > status.head:
                    range = max(Int64(part.lowerBound), status.head)..<Int64(part.upperBound)
                    headers.append(
                        ("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(status.size)"))
                    code = 206
                case .part, .unsatisfiable:
                    return SideResponse(
                        status: 416,
                        headers: [
                            ("content-type", "text/plain; charset=utf-8"), ("content-range", "bytes */\(status.size)"),
                        ], body: .bytes(Array("there are no such bytes\n".utf8)))
                }
            }
        }
        headers.append(("meseta-offset", "\(range.lowerBound)"))
        let part = range
        return SideResponse(
            status: code, headers: headers,
            body: .stream(length: Int(part.upperBound - part.lowerBound)) { writer in
                try await self.files.send(source.path, part, isOutput: wish.isOutput, to: writer)
            })
    }

    /// Piece by piece, as fast as the reader takes it, until the task has ended and all is sent.
    private func follow(_ source: Source, from start: Int64, to writer: BodyWriter) async throws {
        let wish = source.wish
        var offset = start, rest = wish.length ?? .max
        while rest > 0 {
            // Asked before reading: what was written before the end is read after it.
            let isLast = try await !self.isRunning(wish)
            let (place, length) = (offset, min(rest, SandboxFiles.pieceBytes)), files = self.files
            let piece = try await BlockingWork.run {
                try files.read(source.path, offset: place, length: length, isOutput: wish.isOutput)
            }
            // The reader was too slow, or the file began anew: it must not look as if nothing were missing.
            guard piece.offset == offset, piece.size >= offset else { throw Broken() }
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

    /// How often a file that is followed is looked at.
    private static let pause: Duration = .milliseconds(100)

    private func isRunning(_ wish: SandboxRequest) async throws -> Bool {
        try await self.host.sandbox(of: FrameworkID(wish.framework), named: wish.name, run: wish.run).isRunning
    }
}

/// What was promised is no longer there: the connection ends without the answer's end.
private struct Broken: Error {}

extension SandboxFiles {
    fileprivate static let pieceBytes = 256 << 10

    /// Sends a part of a file, all of which has to be there.
    fileprivate func send(
        _ path: [String], _ range: Range<Int64>, isOutput: Bool, to writer: BodyWriter
    ) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let (place, length) = (offset, min(Self.pieceBytes, Int(range.upperBound - offset)))
            let piece = try await BlockingWork.run {
                try self.read(path, offset: place, length: length, isOutput: isOutput)
            }
            guard piece.offset == offset, !piece.bytes.isEmpty else { throw Broken() }
            try await writer.write(piece.bytes)
            offset += Int64(piece.bytes.count)
        }
    }
}

/// A directory and all below it, as it is walked; links, pipes and devices are left out.
private struct SandboxArchive: Sendable {
    let files: SandboxFiles
    let top: [String]
    /// What the archive unpacks to.
    let name: String
    /// Whether its top is that of a sandbox, where the outputs are.
    let isSandbox: Bool

    func send(to writer: BodyWriter) async throws {
        var pending: [[String]] = [[]]
        let files = self.files
        while let directory = pending.popLast() {
            let path = self.top + directory
            // What has gone since it was seen, or cannot be opened, is left out.
            guard let entries = try? await BlockingWork.run({ try files.list(path) }) else { continue }
            let shown = ([self.name] + directory).joined(separator: "/")
            try await writer.write(TarArchive.header(path: shown, isDirectory: true, size: 0, modified: 0))
            for entry in entries {
                switch entry.kind {
                case .directory: pending.append(directory + [entry.name])
                case .file: try await self.send(directory + [entry.name], to: writer)
                case .other: break
                }
            }
        }
        try await writer.write(TarArchive.end)
    }

    private func send(_ file: [String], to writer: BodyWriter) async throws {
        let path = self.top + file, files = self.files
        let isOutput = self.isSandbox && file.count == 1 && OutputBound.files.contains(file[0])
        guard let status = try? await BlockingWork.run({ try files.status(path, isOutput: isOutput) }),
            status.kind == .file
        else { return }
        let size = status.size - status.head
        try await writer.write(
            TarArchive.header(
                path: ([self.name] + file).joined(separator: "/"), isDirectory: false, size: size,
                modified: status.modified))
        try await files.send(path, status.head..<status.size, isOutput: isOutput, to: writer)
        try await writer.write(TarArchive.padding(size))
    }
}
