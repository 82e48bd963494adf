import LimitsFigures
import Testing

@Suite("The figures of the trial of limits")
struct LimitsFiguresTests {
    /// Windows of 100 ms from second 0 on, each with as many units as `units` says for its end.
    private static func report(seconds: Int, _ units: (Int) -> Int) -> String {
        let lines = (1...seconds * 10).map { "\($0 * 100_000_000) 100000000 \(units($0 * 100))" }
        return "pid 7\n" + lines.joined(separator: "\n") + "\n5000 10"
    }

    private static func visit(_ launched: Int64, _ running: Int64, _ ended: Int64) -> Throughput.Visit {
        .init(launched: launched * 1_000_000, running: running * 1_000_000, ended: ended * 1_000_000)
    }

    @Test("A loss is of the time in which a hog runs, against the quiet on both sides of it")
    func loss() throws {
        // A hog from 2.0 to 4.0 s takes a fifth.
        let steady = Throughput(report: Self.report(seconds: 6) { (2001...4000).contains($0) ? 80 : 100 })
        let seen = try #require(
            steady.comparison(of: [Self.visit(1900, 2000, 4000)], quiet: 2_000_000_000))
        #expect(abs(seen.loss - 0.2) < 1e-9)
        // A machine that loses half of its speed meanwhile is no loss.
        let slower = Throughput(report: Self.report(seconds: 6) { 10_000 - $0 })
        let drift = try #require(
            slower.comparison(of: [Self.visit(2000, 2000, 4000)], quiet: 2_000_000_000))
        #expect(abs(drift.loss) < 0.02)
    }

    @Test("Of several visits the median counts, and one without windows around it does not")
    func median() throws {
        let throughput = Throughput(
            report: Self.report(seconds: 12) { time in
                switch time {
                case 2001...4000: 90
                case 6001...8000: 10  // Something else kept the machine busy.
                case 10_001...11_000: 90
                default: 100
                }
            })
        let visits = [
            Self.visit(2000, 2000, 4000), Self.visit(6000, 6000, 8000), Self.visit(10_000, 10_000, 11_000),
            Self.visit(20_000, 20_000, 21_000),
        ]
        let seen = try #require(throughput.comparison(of: visits, quiet: 1_000_000_000))
        #expect(abs(seen.loss - 0.1) < 1e-9)
        #expect(throughput.comparison(of: [visits[3]], quiet: 1_000_000_000) == nil)
        #expect(Throughput(report: "").comparison(of: visits, quiet: 1_000_000_000) == nil)
    }

    @Test("A report says which bound is broken")
    func report() throws {
        let throughput = Throughput(report: Self.report(seconds: 6) { (2001...4000).contains($0) ? 80 : 100 })
        let rates = try #require(
            throughput.comparison(of: [Self.visit(2000, 2000, 4000)], quiet: 2_000_000_000))
        var report = LimitsReport()
        report.add("cpu", visits: 1, rates, maxLoss: 0.3, [.init("cores", seen: "0.5", bound: "0.5", isKept: true)])
        #expect(report.isKept && !report.text.contains("BROKEN"))
        report.add("disk", visits: 1, rates, maxLoss: 0.19, [])
        #expect(!report.isKept)
        #expect(
            report.text == """
                neighbour, units of work a second (medians of windows of 100 ms)
                hog       visits  before    during    after     loss
                cpu       1       1000      800       1000      20.0 %
                disk      1       1000      800       1000      20.0 %

                kept    cpu: cores: 0.5; bound: 0.5
                kept    cpu: the neighbour's loss: 20.0 %; bound: less than 30.0 %
                BROKEN  disk: the neighbour's loss: 20.0 %; bound: less than 19.0 %
                """)
    }
}
