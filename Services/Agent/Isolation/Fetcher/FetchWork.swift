#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Logging
internal import Model

/// One order, carried out on one thread.
struct FetchWork: Sendable {
    let order: Fetcher.Order
    let job: Fetcher.Job
    let settings: FetchSettings
    let store: FetchStore
    let logger: Logger
    let onOutcome: @Sendable (FetchOutcome) -> Void

    /// What is not whole yet, in the sandbox.
    private static let part = ".meseta-fetch"

    /// - Returns: Nil if everything is there.
    func run() -> FetchError? {
        do throws(FetchError) {
            for item in try FetchPlan.items(self.order.uris, clients: self.settings.clients) { try self.fetch(item) }
            return nil
        } catch {
            return error
        }
    }

    private func fetch(_ item: FetchItem) throws(FetchError) {
        let begin = ContinuousClock.now
        self.logger.info("Fetching", metadata: self.about(item))
        do throws(FetchError) {
            let outcome = try self.bring(item)
            try self.place(item)
            self.onOutcome(outcome)
            var about = self.about(item)
            about["seconds"] = "\((ContinuousClock.now - begin) / .seconds(1))"
            switch outcome {
            case .fetched(let bytes): about[LogKey.bytes] = "\(bytes)"
            case .cached(let bytes): about["cached_bytes"] = "\(bytes)"
            case .failed: break
            }
            self.logger.info("Fetched", metadata: about)
        } catch {
            self.inSandbox.remove(Self.part)
            if !self.job.isCancelled {
                self.onOutcome(.failed)
                self.logger.warning(
                    "Cannot fetch", metadata: self.about(item).merging([LogKey.error: "\(error)"]) { own, _ in own })
            }
            throw error
        }
    }

    private func about(_ item: FetchItem) -> Logger.Metadata {
        [LogKey.runID: "\(self.order.runID)", "uri": "\(item.shown)"]
    }

    /// The bytes, into `part` of the sandbox.
    private func bring(_ item: FetchItem) throws(FetchError) -> FetchOutcome {
        self.inSandbox.remove(Self.part)
        guard item.isCached else {
            try self.download(item, as: Self.part, self.inSandbox)
            return .fetched(bytes: self.inSandbox.size(of: Self.part))
        }
        let key = FetchCache.Key(user: self.order.user, uri: item.uri, checksum: item.checksum)
        let job = self.job
        switch try self.store.ask(key, isCancelled: { job.isCancelled }) {
        case .use(let file):
            defer { self.store.release(key) }
            try self.copy(file, item)
            return .cached(bytes: self.inSandbox.size(of: Self.part))
        case .download(let file):
            do throws(FetchError) {
                try self.download(item, as: Self.part, self.inSandbox)
                try self.keep(item, as: file)
            } catch {
                self.store.failed(key, file: file)
                throw error
            }
            let bytes = self.inStore.size(of: "\(file)")
            self.store.downloaded(key, bytes: bytes)
            self.store.release(key)
            return .fetched(bytes: bytes)
        case .wait: preconditionFailure("the store waits itself")
        }
    }

    /// Copies what the task's user has downloaded into the cache, where nobody but the agent can change it.
    ///
    /// Who owns it may change it until then, and put something else in its place: so it is looked at when it is open, and its
    /// checksum is that of the copy.
    private func keep(_ item: FetchItem, as file: UInt64) throws(FetchError) {
        do throws(SystemError) {
            // A pipe must not be waited for.
            let source = try Descriptor(
                opening: "\(self.order.sandbox)/\(Self.part)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            let about = try source.status()
            // A link may give another name to a file that the user cannot read.
            guard about.st_mode & S_IFMT == S_IFREG, about.st_uid == self.order.user?.uid ?? Users.ownID else {
                throw SystemError("keep", Self.part, code: EPERM)
            }
            let target = try Descriptor(
                opening: "\(self.store.directory)/\(file)", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o400)
            var rest = Int(about.st_size)
            while rest > 0, !self.job.isCancelled {
                let bytes = try source.read(upTo: min(rest, 1 << 20))
                if bytes.isEmpty { throw SystemError("read", Self.part, code: EIO) }
                try target.write(all: bytes)
                rest -= bytes.count
            }
        } catch {
            throw FetchError("\(item.shown) cannot be kept for others: \(error).")
        }
        guard !self.job.isCancelled else { throw FetchError("It was killed while its URIs were fetched.") }
        try self.check(item, "\(file)", self.inStore)
    }

    /// From the cache, which the task's user cannot look into: the file is opened for it.
    private func copy(_ file: UInt64, _ item: FetchItem) throws(FetchError) {
        let source: Descriptor
        do throws(SystemError) {
            source = try Descriptor(opening: "\(self.store.directory)/\(file)", O_RDONLY)
        } catch {
            throw FetchError("\(item.shown) cannot be fetched: \(error).")
        }
        let command = ["sh", "-c", "exec cat > \"$1\"", "sh", Self.part]
        try self.run(command, input: .file(source.number), self.inSandbox, for: item, "cannot be copied")
    }

    // MARK: - Programs

    /// As the task's user, in its sandbox.
    private var inSandbox: FetchProgram {
        var program = self.inStore
        program.user = self.order.user
        program.directory = self.order.sandbox
        program.environment["HOME"] = self.order.home ?? program.environment["HOME"]
        return program
    }

    /// As the agent's user, in the cache: for files that are the agent's.
    private var inStore: FetchProgram {
        let job = self.job
        return FetchProgram(
            directory: self.store.directory, environment: FetchProgram.ownEnvironment,
            isCancelled: { job.isCancelled })
    }

    /// A program that has to end with 0.
    private func run(
        _ arguments: [String], input: FetchProgram.Input = .nothing, _ program: FetchProgram, for item: FetchItem,
        _ problem: String
    ) throws(FetchError) {
        let result = try program.run(arguments, input: input)
        switch result.code {
        case 0: return
        case 127:
            throw FetchError(
                "\(item.shown) \(problem): the program \(arguments[0]) is missing on the agent; install it there.")
        default:
            let reason = result.output.isEmpty ? "\(arguments[0]) ended with \(result.code)" : result.output
            throw FetchError("\(item.shown) \(problem): \(reason).")
        }
    }

    // MARK: - From where it is

    private func download(_ item: FetchItem, as name: String, _ program: FetchProgram) throws(FetchError) {
        var program = program
        let logger = self.logger, about = self.about(item), watched = program
        program.progressInterval = self.settings.progressInterval
        program.onProgress = {
            let bytes = watched.size(of: name)
            logger.info("Still fetching", metadata: about.merging([LogKey.bytes: "\(bytes)"]) { own, _ in own })
        }
        switch item.source {
        case .http(let url): try self.download(url, item, as: name, program)
        case .file(let path):
            try self.run(["cp", "--reflink=auto", "--", path, name], program, for: item, "cannot be fetched")
        case .client(let client):
            let arguments = client.arguments(uri: item.uri, path: "\(program.directory)/\(name)")
            try self.run(arguments, program, for: item, "cannot be fetched")
        }
        try self.check(item, name, program)
    }

    /// That it has the checksum which is wanted, if one is.
    private func check(_ item: FetchItem, _ name: String, _ program: FetchProgram) throws(FetchError) {
        guard let checksum = item.checksum else { return }
        let sum = try program.run(["\(checksum.algorithm.rawValue)sum", "--", name])
        let digits = sum.output.prefix { $0.isHexDigit }
        guard sum.code == 0, digits.utf8.count == checksum.algorithm.digits else {
            throw FetchError("\(item.shown) cannot be checked: \(sum.output).")
        }
        guard digits == checksum.digits else {
            throw FetchError(
                "\(item.shown) is not what it should be: it has \(checksum.algorithm.rawValue):\(digits), not \(checksum)."
            )
        }
    }

    /// By `curl`, again where that may help; what came of a file that is still the same is not fetched twice.
    private func download(
        _ url: String, _ item: FetchItem, as name: String, _ program: FetchProgram
    ) throws(FetchError) {
        var tag: String?, pause = self.settings.pause
        for attempt in 1... {
            let isFresh = program.size(of: name) == 0 || tag == nil
            if isFresh { program.remove(name) }
            let configuration = CurlConfiguration(
                url: url, output: name, resuming: isFresh ? nil : tag, patience: self.settings.patience)
            let result = try program.run(["curl", "-q", "-K", "-"], input: .bytes(Array(configuration.text.utf8)))
            guard result.code != 127 else {
                throw FetchError(
                    "\(item.shown) cannot be fetched: curl is missing on the agent; install the package curl.")
            }
            let answer = CurlConfiguration.Answer(result.output)
            if isFresh { tag = answer.tag }
            switch FetchVerdict.of(curl: result.code, http: answer.status, message: answer.message) {
            case .done:
                // Nothing came of an empty file.
                if program.size(of: name) == 0 {
                    try self.run(["touch", "--", name], program, for: item, "cannot be made")
                }
                return
            case .failed(let reason): throw FetchError("\(item.shown) cannot be fetched: \(reason).")
            case .again(let reason, let keepsPart):
                if !keepsPart { tag = nil }
                guard attempt < self.settings.attempts else {
                    throw FetchError("\(item.shown) cannot be fetched: \(reason) (tried \(attempt) times).")
                }
                self.logger.info(
                    "A fetch is tried again",
                    metadata: self.about(item).merging([LogKey.reason: "\(reason)", LogKey.pause: "\(pause)"]) {
                        own, _ in own
                    })
                try self.wait(pause)
                pause *= 2
            }
        }
    }

    private func wait(_ pause: Duration) throws(FetchError) {
        let end = ContinuousClock.now + pause
        while ContinuousClock.now < end {
            guard !self.job.isCancelled else { throw FetchError("It was killed while its URIs were fetched.") }
            usleep(20_000)
        }
    }

    // MARK: - To where it belongs

    /// Gives it its name, and makes of it what is wanted.
    private func place(_ item: FetchItem) throws(FetchError) {
        let program = self.inSandbox, problem = "cannot be put into the sandbox"
        if let slash = item.name.lastIndex(of: "/") {
            try self.run(["mkdir", "-p", "--", String(item.name[..<slash])], program, for: item, problem)
        }
        try self.run(["mv", "-T", "-f", "--", Self.part, item.name], program, for: item, problem)
        if item.isExecutable { try self.run(["chmod", "a+x", "--", item.name], program, for: item, problem) }
        guard let archive = item.archive else { return }
        let unpack =
            switch archive {
            // Names that lead out of the sandbox are refused by the programs themselves.
            case .tar:
                ["tar", "-x", "--no-same-owner", "--no-same-permissions", "--force-local", "-f", item.name]
            case .zip: ["unzip", "-q", "-o", "./" + item.name]
            case .gzip(let output):
                ["sh", "-c", "exec gzip -d -c < \"$1\" > \"$2\"", "sh", "./" + item.name, "./" + output]
            }
        try self.run(unpack, program, for: item, "cannot be unpacked")
        // Nobody becomes the task's user by what came from outside.
        let find = ["find", ".", "-xdev", "-type", "f", "-perm", "/6000", "-exec", "chmod", "ug-s", "{}", "+"]
        try self.run(find, program, for: item, "cannot be unpacked")
    }
}
