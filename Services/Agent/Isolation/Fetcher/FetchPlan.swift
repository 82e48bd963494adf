internal import Model

/// What to do for one URI, decided before anything is done.
struct FetchItem: Hashable, Sendable {
    /// Who gets the bytes.
    enum Source: Hashable, Sendable {
        /// `curl`.
        case http(String)
        /// `cp`, from a path of this machine.
        case file(String)
        /// A configured program.
        case client(FetchClient)
    }

    /// How it is unpacked.
    enum Archive: Hashable, Sendable {
        /// Compressed or not, which `tar` finds out.
        case tar
        case zip
        /// One file, which loses its `.gz`.
        case gzip(output: String)
    }

    /// For people: without a password.
    let shown: String
    let uri: String
    let source: Source
    /// Below the sandbox.
    let name: String
    let archive: Archive?
    let isExecutable: Bool
    let checksum: Checksum?
    /// Files of this machine are not: they are there already.
    let isCached: Bool

    /// Of the files that are made, as far as they are known.
    var names: [String] {
        if case .gzip(let output) = self.archive { [self.name, output] } else { [self.name] }
    }
}

/// Why something cannot be fetched: for the status of the task.
struct FetchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence, which says what and why.
    let description: String

    init(_ description: String) { self.description = description }
}

/// A program that reads URIs of one scheme: `hdfs=hadoop fs -copyToLocal {uri} {path}`.
public struct FetchClient: Hashable, Sendable {
    /// In lower case, without a colon.
    public let scheme: String
    /// The program and its arguments, with `{uri}` and `{path}` in them.
    ///
    /// No shell looks at them.
    public let arguments: [String]

    /// The text is none.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// For people: what is wrong, and how one looks.
        public let description: String
    }

    /// - Parameter text: `<scheme>=<program> <argument> ...`, parted by spaces.
    public init(_ text: String) throws(Invalid) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = sides[0].lowercased()
        let arguments = sides.count == 2 ? sides[1].split(separator: " ").map(String.init) : []
        func refuse(_ what: String) -> Invalid {
            Invalid(description: "'\(text)' \(what); write for instance: hdfs=hadoop fs -copyToLocal {uri} {path}")
        }
        guard FetchPlan.isScheme(scheme) else { throw refuse("does not begin with a scheme") }
        guard !["http", "https", "file"].contains(scheme) else { throw refuse("is for a scheme that needs no client") }
        guard !arguments.isEmpty, arguments.contains(where: { $0.contains("{uri}") }),
            arguments.contains(where: { $0.contains("{path}") })
        else { throw refuse("names no program with {uri} and {path} among its arguments") }
        self.scheme = scheme
        self.arguments = arguments
    }

    func arguments(uri: String, path: String) -> [String] {
        self.arguments.map { $0.replacing("{uri}", with: uri).replacing("{path}", with: path) }
    }
}

/// Decides what to do for the URIs of a command.
enum FetchPlan {
    /// Names that the agent itself gives files of a sandbox.
    private static let taken: Set<String> = ["stdout", "stderr"]

    /// - Throws: The first thing that is wrong: nothing is fetched then.
    static func items(
        _ uris: [CommandInfo.URI], clients: [FetchClient]
    ) throws(FetchError) -> [FetchItem] {
        var items: [FetchItem] = [], names: Set<String> = []
        for uri in uris {
            let item = try self.item(uri, clients)
            for name in item.names where !names.insert(name).inserted {
                throw FetchError("Two URIs would both be \(name) in the sandbox: give one of them another output_file.")
            }
            items.append(item)
        }
        return items
    }

    private static func item(_ uri: CommandInfo.URI, _ clients: [FetchClient]) throws(FetchError) -> FetchItem {
        let shown = self.shown(uri.value)
        if let problem = uri.problem { throw FetchError("\(shown) cannot be fetched: it \(problem).") }
        let source = try self.source(uri.value, shown, clients)
        guard let name = uri.outputFile ?? self.name(of: uri.value, source) else {
            throw FetchError("\(shown) cannot be fetched: it has no name for the sandbox; give it an output_file.")
        }
        var isFile = false
        if case .file = source { isFile = true }
        let item = FetchItem(
            shown: shown, uri: uri.value, source: source, name: name,
            archive: uri.extract && !uri.executable ? self.archive(name) : nil, isExecutable: uri.executable,
            checksum: uri.checksum.flatMap { Checksum($0) }, isCached: uri.cache && !isFile)
        if let name = item.names.first(where: self.taken.contains) {
            throw FetchError("\(shown) cannot be fetched: \(name) is for the task's output; give it an output_file.")
        }
        return item
    }

    /// Who reads it.
    private static func source(
        _ uri: String, _ shown: String, _ clients: [FetchClient]
    ) throws(FetchError) -> FetchItem.Source {
        guard let colon = uri.firstIndex(of: ":"), self.isScheme(uri[..<colon].lowercased()) else {
            guard uri.hasPrefix("/") else {
                throw FetchError("\(shown) cannot be fetched: a path on the agent begins with a slash.")
            }
            return .file(uri)
        }
        let scheme = uri[..<colon].lowercased(), rest = uri[uri.index(after: colon)...]
        switch scheme {
        case "http", "https": return .http(uri)
        case "file":
            // An authority of its own would be another machine.
            let path =
                rest.hasPrefix("//localhost/") ? rest.dropFirst(11) : rest.hasPrefix("///") ? rest.dropFirst(2) : rest
            guard path.hasPrefix("/"), !path.hasPrefix("//"), let decoded = SandboxRequest.decoded(path) else {
                throw FetchError("\(shown) cannot be fetched: write file:///path, for a file on the agent.")
            }
            return .file(decoded)
        default:
            guard let client = clients.first(where: { $0.scheme == scheme }) else {
                throw FetchError(
                    "\(shown) cannot be fetched: the agent has no client for \(scheme); its operator can name one with --fetch-client."
                )
            }
            return .client(client)
        }
    }

    static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
        }
    }

    /// The last part of its path; nil if that is no name.
    private static func name(of uri: String, _ source: FetchItem.Source) -> String? {
        var path = uri[...]
        if case .file(let file) = source {
            path = file[...]
        } else {
            path = path.prefix { $0 != "?" && $0 != "#" }
            guard let authority = path.firstRange(of: "://") else { return nil }
            path = path[authority.upperBound...]
        }
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let name = String(path[path.index(after: slash)...])
        return Sandbox.isPlain(name) ? name : nil
    }

    private static func archive(_ name: String) -> FetchItem.Archive? {
        let lower = name.lowercased()
        let tars = [
            ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst",
        ]
        if tars.contains(where: { lower.hasSuffix($0) }) { return .tar }
        if lower.hasSuffix(".zip") { return .zip }
        return lower.hasSuffix(".gz") && lower.utf8.count > 3 ? .gzip(output: String(name.dropLast(3))) : nil
    }

    /// A URI without what only its server is to know.
    static func shown(_ uri: String) -> String {
        guard let start = uri.firstRange(of: "://")?.upperBound else { return uri }
        let end = uri[start...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? uri.endIndex
        guard let at = uri[start..<end].lastIndex(of: "@") else { return uri }
        return uri[..<start] + "***" + uri[at...]
    }
}

/// What becomes of a fetch after one attempt.
enum FetchVerdict: Hashable, Sendable {
    case done
    /// Perhaps it works later; `keepsPart`: from where it broke off, if the server tells what it has.
    case again(reason: String, keepsPart: Bool)
    case failed(reason: String)

    /// What `curl` ended with, and the status of the server's last answer (0: there was none).
    static func of(curl code: Int32, http: Int, message: String) -> Self {
        let words = message.isEmpty ? "curl ended with \(code)" : message
        switch (code, http) {
        case (0, _): return .done
        // A server that has something else now, or cannot begin in the middle.
        case (33, _), (22, 416): return .again(reason: words, keepsPart: false)
        case (22, 408), (22, 429), (22, 500...599): return .again(reason: words, keepsPart: true)
        // Name, connection, a transfer that broke off or stood still, TLS, an empty answer, sending, receiving.
        case (6, _), (7, _), (16, _), (18, _), (28, _), (35, _), (52, _), (55, _), (56, _), (92, _):
            return .again(reason: words, keepsPart: true)
        default: return .failed(reason: words)
        }
    }
}
