internal import Foundation

/// Figures in a file, a line of JSON each: what one series adds does not touch those before.
public enum JSONLines {
    /// Adds a line to the end of a file, which is made if it is not there.
    public static func append(_ value: some Encodable, to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: JSONEncoder().encode(value) + Data("\n".utf8))
        try file.close()
    }

    /// All lines of a file; throws if it is not there, or a line is something else.
    public static func read<Value: Decodable>(_: Value.Type, from path: String) throws -> [Value] {
        try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(Value.self, from: Data($0))
        }
    }
}
