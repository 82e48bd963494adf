import Model
import ZooKeeper

/// Where to look for the leading master.
enum MasterAddress: Sendable, CustomStringConvertible {
    /// host:port of each. One that does not lead says who does.
    case list([String])
    /// The masters list themselves there.
    case zooKeeper(servers: String, path: String)

    /// Reads what the user gave, else `MESETA_MASTER`, else a master on this machine.
    ///
    /// - Throws: `configuration`.
    init(_ text: String?) throws(MesetaError) {
        let text = text ?? Environment.value("MESETA_MASTER") ?? "127.0.0.1:5050"
        if text.hasPrefix("zk://") {
            do {
                guard case .zooKeeper(let servers, let path) = try ElectionURL(text: text) else {
                    throw Self.wrong(text)
                }
                self = .zooKeeper(servers: servers, path: path)
            } catch let error as ElectionURL.Invalid {
                throw MesetaError(.configuration, error.description)
            } catch {
                throw Self.wrong(text)
            }
            return
        }
        let addresses = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for address in addresses {
            guard let colon = address.lastIndex(of: ":"), colon > address.startIndex,
                let port = Int(address[address.index(after: colon)...]), (1...65535).contains(port)
            else { throw Self.wrong(address) }
        }
        self = .list(addresses)
    }

    private static func wrong(_ text: String) -> MesetaError {
        MesetaError(
            .configuration,
            "'\(text)' is no master: write host:port, several with commas, or zk://host:port[,host:port...]/path")
    }

    var description: String {
        switch self {
        case .list(let addresses): addresses.joined(separator: ",")
        case .zooKeeper(let servers, let path): "zk://\(servers)\(path)"
        }
    }
}
