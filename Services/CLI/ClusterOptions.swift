internal import ArgumentParser
internal import Foundation

/// How a command finds the cluster.
struct ClusterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the master is.",
            discussion: """
                host:port[,host:port...] or zk://host:port[,host:port...]/path. Default: MESETA_MASTER, else the cluster \
                that the last 'meseta up' started.
                """, valueName: "address"))
    var master: String?

    @Option(help: "File with the secret that the cluster shares (default: MESETA_SECRET_FILE).")
    var secretFile: String?

    /// What to dial.
    ///
    /// - Throws: `Complaint` if nothing says where the cluster is.
    func masterAddress() throws -> String {
        if let master { return master }
        if let master = ProcessInfo.processInfo.environment["MESETA_MASTER"], !master.isEmpty { return master }
        if let last = ClusterHome.last, let file = ClusterFile.read(from: last), file.keeper.isAlive {
            return file.masterAddress
        }
        throw Complaint("no cluster is known: give --master, set MESETA_MASTER, or start one with 'meseta up'")
    }

    /// The file with the secret, if there is one.
    var secret: String? {
        self.secretFile ?? ProcessInfo.processInfo.environment["MESETA_SECRET_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// `meseta master`: prints where the cluster's masters are, for a framework's `--master`.
struct MasterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "master", abstract: "Print what --master of any framework is to be given for this cluster.")

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "The directory of a cluster that 'meseta up' started.") var dir: String?

    func run() throws {
        if let dir {
            guard let file = ClusterFile.read(from: Up.absolute(dir)) else {
                throw Complaint("no cluster is up in \(dir)")
            }
            print(file.masterAddress)
        } else {
            print(try self.cluster.masterAddress())
        }
    }
}
