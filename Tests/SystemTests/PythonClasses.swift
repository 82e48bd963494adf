import Foundation
import TestSupport

/// What the tests' programs in Python need.
enum PythonClasses {
    /// Classes of the schema, made by protoc: the directory that they are in.
    static func make(_ schema: [String], in cluster: LiveCluster) throws -> String {
        let protos = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Protos")
        let classes = cluster.directory.appendingPathComponent("classes")
        try FileManager.default.createDirectory(at: classes, withIntermediateDirectories: true)
        let outcome = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/protoc"),
            ["-I", protos.path, "--python_out", classes.path]
                + schema.map { protos.appendingPathComponent("\($0).proto").path }
        ).wait(seconds: 30)
        guard outcome.status == 0 else { throw TestFailure("protoc: \(outcome.errors)") }
        return classes.path
    }

    /// The path of one of the programs.
    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Python/\(name)").path
    }
}
