import Foundation
import Testing

/// The root of the checkout, from where this file lies.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private func swiftFiles(in folder: String) -> [URL] {
    let files = FileManager.default.enumerator(at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
    return (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
}

/// The modules that a file imports.
private func imports(of file: URL) throws -> Set<String> {
    let text = try String(contentsOf: file, encoding: .utf8)
    let pattern =
        #/^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:public |internal |package |private |fileprivate )?import (?:\w+ )?(\w+)/#
    return Set(text.matches(of: pattern.anchorsMatchLineEndings()).map { String($0.output.1) })
}

@Suite("Who imports whom")
struct LayeringTests {
    static let coreFolders = [
        "Services/Master/Core", "Services/Allocator/Core", "Services/Relay/Core", "Services/Agent/Core",
        "Services/Coordination/Core", "Services/SDK/Swift/Core", "Services/CLI/Chaos/Core",
    ]

    @Test("A core sees the vocabulary, nothing else", arguments: coreFolders)
    func cores(folder: String) throws {
        let files = swiftFiles(in: folder)
        #expect(!files.isEmpty)
        for file in files {
            let foreign = try imports(of: file).subtracting(["Model"])
            #expect(foreign.isEmpty, "\(file.lastPathComponent) imports \(foreign)")
        }
    }

    @Test("The vocabulary imports nothing")
    func model() throws {
        let files = swiftFiles(in: "Services/Model")
        #expect(!files.isEmpty)
        for file in files { #expect(try imports(of: file).isEmpty, "\(file.lastPathComponent)") }
    }

    @Test("Cores ask nobody for the time, for chance, or for the disk", arguments: coreFolders)
    func noClock(folder: String) throws {
        let forbidden = [
            "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", ".shuffled()",
            ".randomElement()", "Task.detached", "Task.sleep", "async ", "await ", "DispatchQueue",
        ]
        for file in swiftFiles(in: folder) {
            let text = try String(contentsOf: file, encoding: .utf8)
            let draws = text.matches(of: #/\.random\(/#).count
            #expect(draws <= text.matches(of: #/using: &/#).count, "\(file.lastPathComponent)")
            for word in forbidden {
                let isThere = text.contains(word)
                #expect(!isThere, "\(file.lastPathComponent) has '\(word)'")
            }
        }
    }

    @Test(
        "C libraries are seen by the one module that wraps them",
        arguments: [
            ("CMessages", ["Services/Wire/Messages"]), ("CProtobufC", ["Services/Wire/Messages"]),
            ("CZooKeeper", ["Services/Coordination/ZooKeeper"]),
        ])
    func wrapped(module: String, folders: [String]) throws {
        for file in swiftFiles(in: "Services") where try imports(of: file).contains(module) {
            #expect(folders.contains { file.path.contains("/\($0)/") }, "\(file.path) imports \(module)")
        }
    }

    @Test("The top level holds exactly what it should")
    func topLevel() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.path)
            .filter { !$0.hasPrefix(".") && $0 != "Package.resolved" }
        #expect(names.sorted() == ["Package.swift", "Protos", "README.md", "Services", "Tests", "docker"])
    }
}
