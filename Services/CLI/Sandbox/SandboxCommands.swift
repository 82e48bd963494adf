internal import ArgumentParser
internal import Foundation
internal import Frames
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Runtime

/// `meseta sandbox`: shows what tasks have written, also after they have ended.
struct SandboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "See and fetch what tasks have written, while they run and after.",
        discussion: """
            A task is named by its id or the beginning of it. Its files come from its agent, which keeps them for a while after the \
            task has ended. Of a very long stdout or stderr the agent keeps the newest part.

            EXAMPLES
              meseta sandbox ls k3x9
              meseta sandbox cat k3x9-1 stderr
              meseta sandbox tail -f k3x9-1
              meseta sandbox download k3x9-1 results -o results.tar
            """,
        subcommands: [SandboxList.self, SandboxCat.self, SandboxTail.self, SandboxDownload.self])
}

/// Which task's sandbox is meant, and what in it.
struct SandboxOptions: ParsableArguments {
    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Its framework's id, if several frameworks have such a task.") var framework: String?
    @Option(help: "The number of an earlier run of it; 'ls --runs' lists them.") var run: UInt64?
    @Argument(help: "The task's id, or the beginning of it.") var task: String

    /// Finds the task and its agent.
    func place() async throws -> SandboxPlace {
        guard !self.task.isEmpty else { throw Complaint("which task? 'meseta tasks --all' lists them") }
        let secret = try SandboxAccess.secret(self.cluster.secret)
        var rows: [TaskRow] = []
        for case .task(let row) in try await OperatorClient.ask(.tasks, self.cluster)
        where row.key.task.rawValue.hasPrefix(self.task)
            && (self.framework ?? row.key.framework.rawValue)
                == row.key.framework.rawValue
        {
            rows.append(row)
        }
        let row = try Self.choose(rows, self.task)
        guard row.sidePort > 0, !row.hostname.isEmpty else {
            throw Complaint("the master does not know where task \(row.key.task) runs or ran")
        }
        return SandboxPlace(
            host: row.hostname, port: Int(row.sidePort), framework: row.key.framework.rawValue,
            task: row.key.task.rawValue, run: self.run,
            token: SandboxAccess.token(for: row.key.framework.rawValue, secret))
    }

    /// The one that is meant: of that very id, or the only one that begins so.
    static func choose(_ rows: [TaskRow], _ text: String) throws -> TaskRow {
        let exact = rows.filter { $0.key.task.rawValue == text }
        let found = exact.isEmpty ? rows : exact
        // Of a task id that was used again the one that runs is meant.
        let keys = Set(found.map(\.key))
        guard let row = found.first(where: { !$0.isHistory }) ?? found.last else {
            throw Complaint("no task begins with \(text): 'meseta tasks --all' lists those that the master remembers")
        }
        guard keys.count == 1 else {
            let names = keys.map { "\($0.task) of \($0.framework)" }.sorted()
            let more = names.count > 5 ? ", and \(names.count - 5) more" : ""
            throw Complaint(
                "\(names.count) tasks begin with \(text): \(names.prefix(5).joined(separator: ", "))\(more); write more of "
                    + "the id, or --framework")
        }
        return row
    }
}

/// Where a task's sandbox is read.
struct SandboxPlace {
    var host: String
    var port: Int
    var framework: String
    var task: String
    var run: UInt64?
    var token: String?

    /// What is to be asked of the agent; the path is relative to the sandbox.
    func reader(_ path: String = "", _ query: [String] = []) -> SandboxReader {
        let parts = [self.framework, self.task] + path.split(separator: "/").map(String.init)
        return SandboxReader(
            host: self.host, port: self.port,
            path: "/sandbox/" + parts.map(AccessToken.encoded).joined(separator: "/"),
            group: MultiThreadedEventLoopGroup.singleton, token: self.token,
            query: query + (self.run.map { ["run=\($0)"] } ?? []))
    }
}

/// `meseta sandbox ls`.
struct SandboxList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List a directory of a sandbox.")
    @OptionGroup var sandbox: SandboxOptions
    @Argument(help: "A directory in it.") var path = ""
    @Flag(help: "List the runs of the task that the agent keeps.") var runs = false
    @Flag(help: "As JSON, for programs.") var json = false

    private struct Entry: Decodable {
        var name: String
        var kind: String
        var size: Int64
        var modified: Int64
    }

    private struct RunEntry: Decodable {
        var run: String
        var modified: Int64
    }

    func run() async throws {
        let place = try await self.sandbox.place()
        var bytes = Data()
        try await place.reader(self.runs ? "" : self.path, self.runs ? ["runs"] : []).fetch {
            bytes += $0.readableBytesView
        }
        if self.json { return print(String(decoding: bytes, as: UTF8.self), terminator: "") }
        if self.runs {
            for entry in try Self.decoded([RunEntry].self, bytes, self.path) {
                print("\(entry.run)  \(Self.date(entry.modified))")
            }
            return
        }
        let entries = try Self.decoded([Entry].self, bytes, self.path)
        let width = entries.map { "\($0.size)".count }.max() ?? 0
        for entry in entries {
            let size = entry.kind == "file" ? "\(entry.size)" : "-"
            let mark = entry.kind == "directory" ? "/" : entry.kind == "file" ? "" : " (\(entry.kind))"
            let padding = String(repeating: " ", count: max(0, width - size.count))
            print("\(padding)\(size)  \(Self.date(entry.modified))  \(Self.shown(entry.name))\(mark)")
        }
    }

    private static func decoded<T: Decodable>(_ type: T.Type, _ bytes: Data, _ path: String) throws -> T {
        do { return try JSONDecoder().decode(type, from: bytes) } catch {
            throw Complaint("\(path.isEmpty ? "this" : path) is no directory: 'meseta sandbox cat' shows files")
        }
    }

    private static func date(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    /// A name that a task chose, without what a terminal would obey.
    static func shown(_ name: String) -> String {
        String(
            String.UnicodeScalarView(name.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}

/// `meseta sandbox cat`.
struct SandboxCat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cat", abstract: "Print a file of a sandbox.")
    @OptionGroup var sandbox: SandboxOptions
    @Argument(help: "A file in it.") var file = "stdout"

    func run() async throws {
        let place = try await self.sandbox.place()
        try await place.reader(self.file, ["offset=0"]).fetch(isFile: true) { bytes in
            try FileHandle.standardOutput.write(contentsOf: Data(bytes.readableBytesView))
        }
    }
}

/// `meseta sandbox tail`.
struct SandboxTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Print the end of a file of a sandbox, and with -f what is added to it.")
    @OptionGroup var sandbox: SandboxOptions
    @Argument(help: "A file in it.") var file = "stdout"
    @Option(name: [.customShort("c"), .long], help: "How much of its end.") var bytes = ByteCountFlag(4096)
    @Flag(name: .shortAndLong, help: "Go on until the task has ended.") var follow = false

    func run() async throws {
        let place = try await self.sandbox.place()
        func show(_ bytes: ByteBuffer) throws {
            try FileHandle.standardOutput.write(contentsOf: Data(bytes.readableBytesView))
        }
        // Of zero bytes the end alone is wanted.
        let start = -max(1, self.bytes.bytes)
        if self.follow {
            try await place.reader(self.file).read(from: start) { try show($0) }
        } else if self.bytes.bytes > 0 {
            try await place.reader(self.file, ["offset=\(start)"]).fetch(isFile: true) { try show($0) }
        }
    }
}

/// `meseta sandbox download`.
struct SandboxDownload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Fetch a file of a sandbox, or a directory as a tar archive.")
    @OptionGroup var sandbox: SandboxOptions
    @Argument(help: "A file or a directory in it; without one, all of it.") var path = ""
    @Option(name: .shortAndLong, help: "Where to; - for standard output. Default: its own name here.") var output:
        String?

    func run() async throws {
        let place = try await self.sandbox.place()
        if self.output == "-" {
            try await place.reader(self.path, ["download"]).fetch { bytes in
                try FileHandle.standardOutput.write(contentsOf: Data(bytes.readableBytesView))
            }
            return
        }
        let own = self.path.split(separator: "/").last.map(String.init) ?? place.task.replacing("/", with: "_")
        // Written beside its place, so that what is there under the name is whole.
        let part = (self.output ?? own) + ".part"
        guard FileManager.default.createFile(atPath: part, contents: nil), let file = FileHandle(forWritingAtPath: part)
        else { throw Complaint("\(part) cannot be written") }
        do {
            let isArchive = try await place.reader(self.path, ["download"]).fetch { bytes in
                try file.write(contentsOf: Data(bytes.readableBytesView))
            }
            try file.close()
            let target = self.output ?? (isArchive ? own + ".tar" : own)
            guard rename(part, target) == 0 else {
                throw Complaint("\(target) cannot be written: \(String(cString: strerror(errno)))")
            }
            print(target)
        } catch {
            unlink(part)
            throw error
        }
    }
}
