import Glibc
import Logging
import Testing

@testable import Runtime

/// What a process says: log lines, numbers, the ready line.
@Suite("Texts")
struct TextTests {
    private func logged(_ body: (Logger) -> Void) -> String {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        body(Logger(label: "meseta-relay") { LineLogHandler(label: $0, level: .info, descriptor: ends[1]) })
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = read(ends[0], &bytes, bytes.count)
        close(ends[0])
        return String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
    }

    @Test("A log line has time, level, process, sentence, and facts in order of their keys")
    func logLine() throws {
        let line = self.logged { logger in
            logger.notice("Agent attached", metadata: [LogKey.attachment: "3.1", LogKey.agentID: "1-A7"])
            logger.debug("not shown")
        }
        let parts = line.split(separator: " ", maxSplits: 1)
        #expect(parts[1] == "notice meseta-relay: Agent attached agent_id=1-A7 attachment=3.1\n")
        #expect(parts[0].count == 24 && parts[0].hasSuffix("Z") && parts[0].contains("T"))
    }

    @Test("A value that could break the line is quoted")
    func quotes() {
        let line = self.logged { logger in
            logger.info(
                "x", metadata: ["a": "two words", "b": "line\nbreak", "c": "", "d": "say \"hi\"", "e": "naïve"])
        }
        #expect(line.hasSuffix("x a=\"two words\" b=\"line\\nbreak\" c=\"\" d=\"say \\\"hi\\\"\" e=naïve\n"))
    }

    @Test("Timestamps are in UTC with milliseconds")
    func timestamps() {
        #expect(LineLogHandler.timestamp(seconds: 0, nanoseconds: 0) == "1970-01-01T00:00:00.000Z")
        #expect(LineLogHandler.timestamp(seconds: 1_767_225_599, nanoseconds: 7_999_999) == "2025-12-31T23:59:59.007Z")
    }

    @Test("Metrics come as Prometheus reads them")
    func metrics() {
        let metrics = Metrics()
        let offers = metrics.counter("meseta_master_offers_total", "Offers sent.\nAll of them.")
        let running = metrics.gauge("meseta_master_tasks", "Tasks.", labels: [("state", "running")])
        metrics.gauge("meseta_master_tasks", "Tasks.", labels: [("state", "a \"b\"")]) { 0.5 }
        offers.add()
        offers.add(41)
        running.set(7)
        let text = metrics.text()
        #expect(
            text.hasPrefix(
                """
                # HELP meseta_master_offers_total Offers sent.\\nAll of them.
                # TYPE meseta_master_offers_total counter
                meseta_master_offers_total 42
                # HELP meseta_master_tasks Tasks.
                # TYPE meseta_master_tasks gauge
                meseta_master_tasks{state="running"} 7
                meseta_master_tasks{state="a \\"b\\""} 0.5

                """))
        for name in [
            "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_threads",
        ] {
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
            #expect(
                line.flatMap { Double($0.split(separator: " ")[1]) }.map { $0 > 0 } == true,
                "\(name): \(line ?? "none")")
        }
    }

    @Test("Numbers are written so that Prometheus reads them back")
    func numbers() {
        #expect(Metrics.number(.nan) == "NaN")
        #expect(Metrics.number(.infinity) == "+Inf")
        #expect(Metrics.number(-.infinity) == "-Inf")
        #expect(Metrics.number(1e20) == "1e+20")
        #expect(Metrics.number(-3) == "-3")
    }

    @Test("The ready line is JSON whatever the name")
    func readyLine() {
        let report = ReadyReport(
            role: "master", name: "a \"b\"", pid: 1, address: "127.0.0.1:5050", side: "127.0.0.1:5060")
        #expect(
            report.line
                == #"READY {"role":"master","name":"a \"b\"","pid":1,"address":"127.0.0.1:5050","side":"127.0.0.1:5060"}"#
        )
    }

    @Test("A process is ready when every check is well")
    func readiness() {
        let readiness = Readiness()
        #expect(readiness.isReady)
        readiness.set("leader", problem: "none elected")
        readiness.set("agents", problem: nil)
        #expect(!readiness.isReady)
        #expect(readiness.report(verbose: false).text == "[-] leader: none elected\nnot ready\n")
        readiness.set("leader", problem: nil)
        #expect(readiness.report(verbose: true).text == "[+] leader\n[+] agents\nready\n")
        #expect(readiness.report(verbose: false).text == "ready\n")
    }
}
