internal import ChaosCore
internal import Foundation
internal import Yams

/// Reads what users write of faults.
enum ScheduleFile {
    private struct Line: Decodable {
        var at: Double
        var `for`: Double
        var fault: String
        var target: String
    }

    /// The faults of a file, YAML or JSON.
    ///
    /// - Throws: `Complaint` with what is wrong with it.
    static func faults(in text: String, named name: String) throws -> [Fault] {
        let lines: [Line]
        do { lines = try YAMLDecoder().decode([Line].self, from: text) } catch {
            throw Complaint(
                "\(name) is no list of {at: SECONDS, for: SECONDS, fault: KIND, target: NAME}: \(error)")
        }
        return try lines.map { line in
            guard let target = ChaosTarget(line.target) else {
                throw Complaint("\(name): '\(line.target)' names no process; write one as relay-2")
            }
            // Beyond a year nothing is meant, and sums would overflow.
            guard abs(line.at) < 3e7, abs(line.for) < 3e7 else { throw Complaint("\(name): at and for are seconds") }
            return Fault(at: .seconds(line.at), for: .seconds(line.for), try Self.kind(line.fault), target)
        }
    }

    /// Reads `kill=2s,freeze=500ms`.
    static func intervals(_ text: String) throws -> [FaultKind: Duration] {
        var intervals: [FaultKind: Duration] = [:]
        for part in text.split(separator: ",") {
            let words = part.split(separator: "=", maxSplits: 1)
            guard words.count == 2, let interval = Self.duration(words[1]), interval > .zero else {
                throw Complaint("--faults '\(part)': write KIND=TIME, as in kill=2s or freeze=500ms")
            }
            intervals[try Self.kind(String(words[0]))] = interval
        }
        return intervals
    }

    /// Reads `master,relay`.
    static func roles(_ text: String) throws -> Set<ChaosRole> {
        Set(
            try text.split(separator: ",").map { word in
                guard let role = ChaosRole(rawValue: String(word)) else {
                    throw Complaint(
                        "--targets '\(word)': it is one of "
                            + ChaosRole.allCases.map(\.rawValue).joined(separator: ", "))
                }
                return role
            })
    }

    private static func kind(_ word: String) throws -> FaultKind {
        guard let kind = FaultKind(rawValue: word) else {
            throw Complaint(
                "'\(word)' is no fault; it is one of " + FaultKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return kind
    }

    private static func duration(_ text: Substring) -> Duration? {
        for (unit, seconds) in [("ms", 0.001), ("s", 1.0), ("m", 60.0)] where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number.isFinite, abs(number) < 1e6 else { return nil }
            return .seconds(number * seconds)
        }
        return nil
    }
}
