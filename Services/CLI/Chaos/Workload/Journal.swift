internal import ChaosCore
internal import Foundation
internal import MesetaSDK

/// What a scheduler of the checking workload writes down: lines of JSON, each before the thing is done or acknowledged.
struct JournalLine: Codable {
    enum Event: String, Codable { case began, launch, kill, status }

    var event: Event
    /// Seconds since 1970.
    var at: Double
    var task: String?
    /// Of a launch: where to.
    var agent: String?
    /// As in `TASK_RUNNING`.
    var state: String?
    /// When the status was made, in seconds since 1970; nil: it is an answer to a question, not an update.
    var made: Double?
    var message: String?

    /// As the judge wants it; nil if the state is none that is known.
    func entry(since start: Double) -> History.Line? {
        let at = self.at - start
        switch (self.event, self.task) {
        case (.launch, let task?): return .init(at: at, .launch(task: task))
        case (.kill, let task?): return .init(at: at, .kill(task: task))
        case (.status, let task?):
            guard let state = JournalLine.states[self.state ?? ""] else { return nil }
            return .init(at: at, .status(task: task, state: state, made: self.made.map { $0 - start }))
        default: return .init(at: at, .began)
        }
    }

    private static let states = Dictionary(
        uniqueKeysWithValues: (0...13).compactMap { TaskState(rawValue: $0) }.map { ($0.name, $0) })
}

/// The journal of one scheduler, which outlives it.
struct Journal {
    private let file: FileHandle

    init(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Complaint("cannot write \(path): \(String(cString: strerror(errno)))") }
        self.file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// One `write`, so that a line is there or is not when the process is killed.
    func append(_ line: JournalLine) throws {
        try self.file.write(contentsOf: try JSONEncoder().encode(line) + Data("\n".utf8))
    }
}

/// Reads a journal as it grows.
struct JournalReader {
    let path: String
    private var offset: UInt64 = 0

    init(_ path: String) { self.path = path }

    /// What was written since the last time; an unfinished line is left for the next.
    mutating func next() -> [JournalLine] {
        guard let handle = FileHandle(forReadingAtPath: self.path) else { return [] }
        defer { try? handle.close() }
        try? handle.seek(toOffset: self.offset)
        let bytes = (try? handle.readToEnd()) ?? Data()
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let whole = bytes[...end]
        self.offset += UInt64(whole.count)
        return whole.split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode(JournalLine.self, from: $0)
        }
    }
}
