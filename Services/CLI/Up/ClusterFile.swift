internal import Foundation

/// What `meseta up` started, as it stands in the cluster's directory: how `down` and `run` find it.
struct ClusterFile: Codable {
    /// One process of the cluster.
    struct Member: Codable {
        var role: String
        var name: String
        var process: ChildProcess?
        /// host:port of its protobuf listener.
        var address: String
        /// host:port of its HTTP side port.
        var side: String
        var log: String
        var arguments: [String]
    }

    var keeper: ChildProcess
    var election: String
    var members: [Member] = []
    var isReady = false

    static func path(in directory: String) -> String { "\(directory)/cluster.json" }

    /// Reads the cluster of a directory; nil if there is none.
    static func read(from directory: String) -> ClusterFile? {
        guard let data = FileManager.default.contents(atPath: Self.path(in: directory)) else { return nil }
        return try? JSONDecoder().decode(ClusterFile.self, from: data)
    }

    /// Replaces the file as a whole, so that a reader sees the old or the new.
    func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: Self.path(in: directory)), options: .atomic)
    }

    /// What schedulers and operators need to find the master.
    var masterAddress: String {
        guard self.election == "none" else { return self.election }
        return self.members.filter { $0.role == "master" }.map(\.address).joined(separator: ",")
    }
}

/// Where clusters of this user live, and which was started last.
enum ClusterHome {
    static var directory: String {
        let environment = ProcessInfo.processInfo.environment
        let state = environment["XDG_STATE_HOME"] ?? "\(environment["HOME"] ?? "/tmp")/.local/state"
        return "\(state)/meseta"
    }

    /// Where `meseta up` works if it is not told.
    static var defaultCluster: String { "\(Self.directory)/default" }

    static var last: String? {
        try? String(contentsOfFile: "\(Self.directory)/last", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func remember(_ directory: String) throws {
        try FileManager.default.createDirectory(atPath: Self.directory, withIntermediateDirectories: true)
        try directory.write(toFile: "\(Self.directory)/last", atomically: true, encoding: .utf8)
    }

    /// Forgets the last cluster if it is this one.
    static func forget(_ directory: String) {
        if Self.last == directory { try? FileManager.default.removeItem(atPath: "\(Self.directory)/last") }
    }
}
