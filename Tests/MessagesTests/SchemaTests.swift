import Foundation
import Testing

/// The `.proto` files against what was made of them by a program, and by hand.
struct SchemaTests {
    private let protos = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Protos")

    @Test("The C sources are what protoc-c makes of the schema")
    func generatedSources() throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "meseta-protos-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let generate = Process()
        generate.executableURL = self.protos.appending(path: "generate.sh")
        generate.arguments = [scratch.path]
        try generate.run()
        generate.waitUntilExit()
        #expect(generate.terminationStatus == 0)
        let made = try self.contents(scratch)
        let committed = try self.contents(self.protos.appending(path: "CMessages"))
        #expect(made.keys.sorted() == committed.keys.sorted(), "run Protos/generate.sh")
        for (name, bytes) in made where committed[name] != bytes {
            Issue.record("\(name) is not what the schema says: run Protos/generate.sh")
        }
    }

    private func contents(_ folder: URL) throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let file = folder.appending(path: name)
            if !file.hasDirectoryPath, let data = try? Data(contentsOf: file) { result[name] = data }
        }
        return result
    }

    private struct Field: Hashable {
        var label: String
        var type: String
        var number: Int
    }

    @Test("The twins have the fields of the messages that they stand for, some of them as bytes")
    func twins() throws {
        var originals: [String: [String: Field]] = [:]
        for name in ["meseta", "scheduler", "executor"] {
            let text = try String(contentsOf: self.protos.appending(path: "\(name).proto"), encoding: .utf8)
            originals.merge(self.messages(text)) { first, _ in first }
        }
        let text = try String(contentsOf: self.protos.appending(path: "twins/carried.proto"), encoding: .utf8)
        let twins = self.messages(text)
        #expect(twins.count > 20)
        for (name, fields) in twins {
            let original = try #require(originals[self.originalName(name)], "\(name) has no original")
            for (field, twin) in fields {
                let real = try #require(original[field], "\(name).\(field) has no original")
                #expect(twin.number == real.number, "\(name).\(field)")
                #expect(twin.label == real.label || real.label == "required", "\(name).\(field)")
                let types = [twin.type, real.type].map { $0.split(separator: ".").last.map(String.init) ?? "" }
                let isCarried = twin.type == "bytes" && real.type.first!.isUppercase
                #expect(types[0] == types[1] || isCarried, "\(name).\(field)")
            }
        }
    }

    /// The full name of the message that a twin stands for.
    private func originalName(_ twin: String) -> String {
        var path = twin.replacing("meseta.twin.", with: "")
        for role in ["Scheduler", "Executor"] {
            for kind in ["Call", "Event"] where path.hasPrefix(role + kind) {
                path = "\(role.lowercased()).\(kind)\(path.dropFirst(role.count + kind.count))"
            }
        }
        let moved = ["Operation": "Offer.Operation", "Launch": "Offer.Operation.Launch"]
        for (inner, outer) in moved where path.hasPrefix("scheduler.Call.\(inner)") {
            return "meseta.v1.\(outer)\(path.dropFirst("scheduler.Call.\(inner)".count))"
        }
        return "meseta.v1.\(path)"
    }

    /// The fields of each message of a file, by the message's full name.
    private func messages(_ text: String) -> [String: [String: Field]] {
        var result: [String: [String: Field]] = [:]
        var path: [String] = []
        for line in text.split(separator: "\n") {
            let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
            let words = code.split { " ;=\t".contains($0) }.map(String.init)
            if words.first == "package" { path = [words[1]] }
            if ["message", "enum", "oneof"].contains(words.first), code.contains("{") {
                path.append(words[1])
                if words[0] == "message" { result[path.joined(separator: ".")] = [:] }
            }
            if ["required", "optional", "repeated"].contains(words.first), words.count > 3, let number = Int(words[3]) {
                result[path.joined(separator: "."), default: [:]][words[2]] = Field(
                    label: words[0], type: words[1], number: number)
            }
            if code.contains("}") { path.removeLast() }
        }
        return result
    }
}
