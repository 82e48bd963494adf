internal import Foundation

/// What the kernel has counted for a process.
public struct ProcessAccount: Sendable {
    /// Seconds of processor time of its own.
    public var own = 0.0
    /// Seconds of processor time of those that it started and reaped.
    public var children = 0.0
    /// Resident, in bytes.
    public var memory = 0
    /// Open files.
    public var descriptors = 0

    /// Nil if it is gone.
    public init?(of pid: Int32) {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let head = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: head)...].split(separator: " ")
        guard fields.count > 21 else { return nil }
        func seconds(_ index: Int) -> Double { (Double(fields[index]) ?? 0) / Double(sysconf(Int32(_SC_CLK_TCK))) }
        self.own = seconds(11) + seconds(12)
        self.children = seconds(13) + seconds(14)
        self.memory = (Int(fields[21]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
        self.descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    /// All processes of the machine that belong to a directory: it stands in their command line or environment.
    public static func processes(of directory: String) -> [(pid: Int32, command: String)] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.sorted().compactMap { pid in
            guard pid != getpid() else { return nil }
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
            let text = String(decoding: command, as: UTF8.self),
                all = text + String(decoding: environment, as: UTF8.self)
            guard all.contains(directory) else { return nil }
            return (pid, text.replacingOccurrences(of: "\0", with: " "))
        }
    }

    /// The supervisors of a directory's agents.
    public static func supervisors(of directory: String) -> [Int32] {
        self.processes(of: directory).filter { $0.command.contains("meseta-supervisor") }.map(\.pid)
    }
}

/// Runs a program to its end and returns what it printed.
public func output(of program: String, _ arguments: [String]) throws -> String {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw TestFailure("\(program) ended with status \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
}
