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
}
