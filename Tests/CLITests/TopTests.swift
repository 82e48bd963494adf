import Foundation
import Testing

@testable import meseta

@Suite("meseta top")
struct TopTests {
    private static let usage = """
        {"agent":{"id":"1-A1","name":"n1"},"node":{"cpus":4,"load":0.5,"memory_total_bytes":8589934592,
        "memory_available_bytes":4294967296,"pressure":{"cpu":0.015,"io":0.8}},"totals":{"containers":2},"containers":[
        {"framework":"1-F1","task":"small","run":1,"cpus":0.5,"cpu_seconds":3.04,"cpu_cores":0.25,
        "memory_bytes":31457280,"memory_limit_bytes":33554432,"memory_peak_bytes":33554432,"processes":1,
        "disk_bytes":4096,"later":7},
        {"framework":"1-F2","executor":"big","run":2,"cpus":2,"cpu_cores":1.5,"processors":"2-3",
        "memory_bytes":1610612736,"memory_peak_bytes":1610612736,"processes":12,"disk_bytes":1500000,
        "disk_quota_bytes":2000000}]}
        """

    private static func report(_ id: String, _ text: String) throws -> TopTable.Report {
        let answer = try JSONDecoder().decode(UsageAnswer.self, from: Data(text.utf8))
        return TopTable.Report(agent: id, hostname: "h", outcome: .answered(answer))
    }

    private static func table(by order: TopTable.Order = .cpu, framework: String? = nil) throws -> TopTable {
        let away = TopTable.Report(agent: "1-A2", hostname: "g", outcome: .problem("it does not answer"))
        return TopTable([away, try Self.report("1-A1", Self.usage)], by: order, framework: framework)
    }

    @Test("A line for each agent, the sums of its containers, and why one does not answer")
    func machines() throws {
        #expect(
            try Self.table().machines.lines == [
                "AGENT  HOSTNAME  RUNS   CPU    OF  LOAD   MEM  FREE  OF MEM  DISK  PIDS  PRESSURE",
                "1-A1   h            2  1.75  4.00  0.50  1.5G  4.0G    8.0G  1.4M    13  cpu 2% io 80%",
                "1-A2   g            -     -     -     -     -     -       -     -     -  it does not answer",
            ])
    }

    @Test("A line for each container, the largest first; what is not known is a dash")
    func containers() throws {
        #expect(
            try Self.table().containers(isWide: false).lines == [
                "TASK   FRAMEWORK  AGENT   CPU    OF   MEM  PEAK  LIMIT  DISK  QUOTA  PIDS",
                "big    1-F2       1-A1   1.50  2.00  1.5G  1.5G      -  1.4M   1.9M    12",
                "small  1-F1       1-A1   0.25  0.50   30M   32M    32M  4.0K      -     1",
            ])
        let wide = try Self.table().containers(isWide: true).lines
        #expect(wide[1].hasSuffix("12  h         executor    2         -  2-3"), "\(wide[1])")
        #expect(wide[2].hasSuffix("1  h         task        1      3.0s  -"), "\(wide[2])")
    }

    @Test("Rows are ordered by what is asked for, what is not known last, and equal ones by their ids")
    func order() throws {
        let text = """
            {"agent":{"id":"a"},"node":{},"containers":[
            {"framework":"f","task":"d","disk_bytes":1,"processes":5},
            {"framework":"f","task":"c","memory_bytes":9,"cpu_cores":0.1},
            {"framework":"f","task":"b","memory_bytes":3,"cpu_cores":0.1,"disk_bytes":7},
            {"framework":"e","task":"x","cpu_cores":2,"processes":1}]}
            """
        func names(_ order: TopTable.Order) throws -> [String] {
            TopTable([try Self.report("a", text)], by: order).rows.map(\.container.name)
        }
        #expect(try names(.cpu) == ["x", "b", "c", "d"])
        #expect(try names(.mem) == ["c", "b", "x", "d"])
        #expect(try names(.disk) == ["b", "d", "x", "c"])
        #expect(try names(.pids) == ["d", "x", "b", "c"])
        #expect(try Self.table(framework: "1-F1").rows.map(\.container.name) == ["small"])
    }

    @Test("What another agent answers is not shown as this one's")
    func mistaken() throws {
        func problem(_ id: String, _ text: String) throws -> String? {
            let table = TopTable([try Self.report(id, text)], by: .cpu)
            guard case .problem(let problem) = table.reports[0].outcome, table.rows.isEmpty else { return nil }
            return problem
        }
        #expect(try problem("1-A9", Self.usage) == "agent 1-A1 answers there")
        #expect(
            try problem("1-A9", "{\"agent\":{},\"node\":{},\"containers\":[]}")
                == "it answers, and is not registered yet")
        #expect(try problem("1-A1", Self.usage) == nil)
    }

    @Test("As JSON a round is one line, and what is not known is left out")
    func json() throws {
        let text = try Self.table().json
        #expect(!text.contains("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let agents = try #require(object["agents"] as? [[String: Any]])
        #expect(agents[0]["memory_available_bytes"] as? Double == 4_294_967_296, "\(text)")
        #expect(agents[0]["problem"] == nil)
        #expect((agents[0]["pressure"] as? [String: Double]) == ["cpu": 0.015, "io": 0.8])
        #expect(agents[1]["problem"] as? String == "it does not answer" && agents[1]["cpus"] == nil)
        let containers = try #require(object["containers"] as? [[String: Any]])
        #expect(containers.count == 2 && containers[0]["executor"] as? String == "big")
        #expect(containers[0]["task"] == nil && containers[0]["memory_limit_bytes"] == nil)
        #expect(containers[1]["cpu_cores"] as? Double == 0.25 && containers[1]["agent"] as? String == "1-A1")
    }

    @Test("Bytes are shown in the unit that leaves few digits")
    func bytes() {
        let shown = [0, 1023, 1024, 1536, 10_189, 10_240, 1_048_063, 1_048_064, 1 << 30, .max].map {
            Cell.bytes($0).shown
        }
        #expect(shown == ["0B", "1023B", "1.0K", "1.5K", "10K", "10K", "1023K", "1.0M", "1.0G", "16E"])
        #expect(Cell.bytes(nil).shown == "-")
    }

    @Test("On a terminal lines are cut to its size, and say what is missing")
    func small() throws {
        var reports = [try Self.report("1-A1", Self.usage)]
        for number in 2...30 { reports.append(.init(agent: "1-A\(number)", hostname: "h", outcome: .problem("away"))) }
        let table = TopTable(reports, by: .cpu)
        let lines = TopScreen(size: .init(columns: 40, rows: 12)).lines(table)
        #expect(lines.count <= 11 && lines.allSatisfy { $0.count <= 40 })
        #expect(lines.contains { $0.hasPrefix("... and ") } && lines.contains { $0.hasPrefix("big ") })
        #expect(TopScreen().lines(table).count == 31 + 1 + 3)
        #expect(TopScreen(size: .init(columns: 1, rows: 1)).lines(table).allSatisfy { $0.count <= 1 })
    }

    @Test("What nears the end of its memory stands out, and a name cannot paint the terminal")
    func colours() throws {
        let lines = TopScreen(hasColours: true).lines(try Self.table())
        #expect(lines[0].hasPrefix("\u{1b}[1m") && lines[0].hasSuffix("\u{1b}[0m"))
        // Pressure of 80 %; no answer; 30 of 32 MB; 1.5 of 2 MB.
        #expect(lines[1].hasPrefix("\u{1b}[33m") && lines[2].hasPrefix("\u{1b}[31m"))
        #expect(lines[5].hasPrefix("\u{1b}[33mbig") && lines[6].hasPrefix("\u{1b}[31msmall"))
        #expect(TopScreen().lines(try Self.table()).allSatisfy { !$0.contains("\u{1b}") })
        let evil = """
            {"agent":{"id":"a"},"node":{},"containers":[{"framework":"f","task":"\\u001b[2Jt\\u0007"}]}
            """
        let shown = TopScreen().lines(TopTable([try Self.report("a", evil)], by: .cpu))
        #expect(shown.last?.hasPrefix("?[2Jt?") == true)
    }
}
