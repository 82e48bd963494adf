/// Where the master is elected: `--election`.
public enum ElectionURL: Hashable, Sendable, CustomStringConvertible {
    /// `none`: one master, which leads at once. Its epoch is a file in `--dir`.
    case none
    /// `zk://host:port,host:port/path`.
    case zooKeeper(servers: String, path: String)

    /// What is wrong with it.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        /// For people: what is wrong, and how to write it.
        public let description: String
    }

    /// Reads one of the two forms.
    ///
    /// - Throws: `Invalid` that says how to write it.
    public init(text: String) throws(Invalid) {
        if text == "none" || text.isEmpty {
            self = .none
            return
        }
        let hint = "write none, or zk://host:port[,host:port...]/path"
        guard text.hasPrefix("zk://") else { throw Invalid(description: "'\(text)' is no election: \(hint)") }
        let rest = text.dropFirst("zk://".count)
        guard let slash = rest.firstIndex(of: "/") else {
            throw Invalid(description: "'\(text)' has no path: \(hint)")
        }
        let servers = rest[..<slash].split(separator: ",", omittingEmptySubsequences: false)
        for server in servers {
            let parts = server.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), (1...65535).contains(port) else {
                throw Invalid(description: "'\(server)' is no server: \(hint)")
            }
        }
        var path = String(rest[slash...])
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard path.count > 1, !path.contains("//"), !path.utf8.contains(0) else {
            throw Invalid(description: "'\(path)' is no path to share with other clusters: \(hint)")
        }
        self = .zooKeeper(servers: servers.joined(separator: ","), path: path)
    }

    /// As it is written on the command line.
    public var description: String {
        switch self {
        case .none: "none"
        case .zooKeeper(let servers, let path): "zk://\(servers)\(path)"
        }
    }
}
