public import Foundation
internal import Synchronization

/// A program that tells what it does in lines of JSON on its standard output, and listens on its standard input.
public final class LineProcess<Line: Decodable & Sendable>: Sendable {
    private let process = Process()
    private let input = Pipe()
    private let heard = Mutex<[Line]>([])

    /// Starts it.
    public init(_ program: URL, _ arguments: [String]) throws {
        let output = Pipe()
        let rest = Mutex(Data())
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.standardInput = self.input
        self.process.standardOutput = output
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { return handle.readabilityHandler = nil }
            rest.withLock { rest in
                rest += data
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = try? JSONDecoder().decode(Line.self, from: rest[rest.startIndex..<end])
                    if let line { self?.heard.withLock { $0.append(line) } }
                    rest = Data(rest[(end + 1)...])
                }
            }
        }
        try self.process.run()
    }

    /// What it has said so far that is such a line.
    public var lines: [Line] { self.heard.withLock { $0 } }

    /// Says a line to it.
    public func say(_ line: String) throws {
        try self.input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
    }

    /// Of this life.
    public var pid: Int32 { self.process.processIdentifier }

    /// Whether it has not ended.
    public var isRunning: Bool { self.process.isRunning }

    /// Ends it, and waits.
    public func stop() {
        guard self.process.isRunning else { return }
        self.process.terminate()
        self.process.waitUntilExit()
    }
}
