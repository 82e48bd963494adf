import ChaosCore
import Foundation
import Model
import Testing

@Suite("The report of a run")
struct ChaosReportTests {
    private static func report(isBroken: Bool = false) -> ChaosReport {
        var history = History()
        history.frameworks["f"] = [
            .init(at: 0.2, .launch(task: "<a>")), .init(at: 1.5, .status(task: "<a>", state: .finished, made: 1.2)),
        ]
        history.marks["<a>"] = .init(starts: isBroken ? 2 : 1, ends: 1)
        history.healedAt = 10
        let faults = [
            Fault(at: .seconds(1), for: .seconds(2), .kill, .init(.relay, 1)),
            Fault(at: .seconds(2), for: .seconds(2), .freeze, .init(.zooKeeper, 3)),
            Fault(at: .seconds(5), for: .seconds(1), .kill, .init(.relay, 2)),
        ]
        return ChaosReport(seed: 7, seconds: 10, faults: faults, history: history, settledAfter: 2.5)
    }

    @Test("The table counts faults by role, and what came of the tasks")
    func table() {
        let rows = Dictionary(uniqueKeysWithValues: Self.report().rows.map { ($0.name, $0.value) })
        #expect(rows["relay"] == "kill 2" && rows["zookeeper"] == "freeze 1" && rows["master"] == nil)
        #expect(rows["tasks launched"] == "1" && rows["started twice"] == "0" && rows["breaches"] == "0")
        #expect(rows["delay of updates during faults"] == "median 0.3 s, p99 0.3 s, longest 0.3 s")
        #expect(rows["as it should be after"] == "2.5 s")
    }

    @Test("The course says what happened in each second")
    func course() {
        let course = Self.report().course
        #expect(course.map(\.launched) == [1, 0] && course.map(\.ended) == [0, 1])
    }

    @Test("As JSON it is read as it was written")
    func json() throws {
        let report = Self.report()
        let again = try JSONDecoder().decode(ChaosReport.self, from: JSONEncoder().encode(report))
        #expect(again.verdict == report.verdict && again.faults == report.faults && again.course == report.course)
    }

    @Test("The page has every fault in its role's lane, needs nothing else, and names what was broken")
    func page() throws {
        let page = Self.report(isBroken: true).page
        #expect(page.components(separatedBy: "<title>kill of relay-").count == 3)
        #expect(page.contains("freeze of zookeeper-3, 2.0 s to 4.0 s"))
        #expect(page.contains("&lt;a&gt;: started 2 times") && !page.contains("<a>"))
        #expect(!page.contains("http"), "nothing is fetched")
        #expect(page.contains("prefers-color-scheme: dark"))
        #expect(Self.report().page.contains("All promises were kept"))
    }
}
