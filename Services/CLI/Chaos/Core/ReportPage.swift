extension ChaosReport {
    /// One page that needs nothing else: the faults of each role over time, above launches and delays; in the reader's light or dark.
    public var page: String {
        let height = 40 + ChaosRole.allCases.count * 26
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>meseta chaos, seed \(self.seed)</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><style>
            :root { color-scheme: light dark; --ink: #1c2126; --paper: #fff; --line: #d5dade; --launched: #2a78c2; --delay: #b5541c }
            @media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --paper: #16191c; --line: #3a4147; --launched: #6db2f0;
            --delay: #f0a070 } }
            body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1100px; margin: 2em auto;
            padding: 0 1em }
            svg { width: 100%; height: auto } text { fill: var(--ink); font-size: 12px } .axis { stroke: var(--line) }
            td { padding: .1em 1.5em .1em 0 } .kept { color: #1d8348 } .broken { color: #c0392b }
            \(Self.colours.map { ".\($0.kind.rawValue) { fill: \($0.colour) }" }.joined(separator: "\n"))
            </style></head><body><h1>meseta chaos</h1>
            \(self.verdict.breaches.isEmpty
                ? "<p class=\"kept\">All promises were kept.</p>"
                : "<p class=\"broken\">Promises were broken: \(self.verdict.breaches.count) breaches.</p>")
            <h2>Faults by role</h2>
            <svg viewBox="0 0 1000 \(height)" role="img" aria-label="Faults of each role over time">\(self.lanes)</svg>
            <p>\(self.legend)</p>
            <h2>Tasks launched in each second</h2>
            \(self.curve("launched", "tasks launched") { Double($0.launched) })
            <h2>Longest delay of an update, in seconds</h2>
            \(self.curve("delay", "delay of updates", \.delay))
            <h2>Figures</h2><table>
            \(self.rows.map { "<tr><td>\(Self.escaped($0.name))</td><td>\(Self.escaped($0.value))</td></tr>" }
                .joined(separator: "\n"))
            </table>
            \(self.breachList)
            </body></html>

            """
    }

    private static let colours: [(kind: FaultKind, colour: String)] = [
        (.kill, "#c0392b"), (.freeze, "#2e86c1"), (.partition, "#8e44ad"), (.fullDisk, "#7f6a3f"),
        (.latency, "#d68910"),
        (.bandwidth, "#ca6f1e"), (.slowClose, "#a9a922"), (.timeout, "#af7ac5"), (.resetPeer, "#e91e63"),
        (.slicer, "#1abc9c"), (.limitData, "#5d8a2f"),
    ]

    /// Of the drawing, in seconds.
    private var span: Double { max(1, self.seconds, Double(self.course.count)) }

    /// Where a time is, between 100 and 990.
    private func x(_ seconds: Double) -> Double { ((100 + 890 * seconds / self.span) * 10).rounded() / 10 }

    private var lanes: String {
        var drawing = ""
        for (row, role) in ChaosRole.allCases.enumerated() {
            let y = 10 + row * 26
            drawing += "<text x=\"0\" y=\"\(y + 14)\">\(role.rawValue)</text>"
            drawing += "<line class=\"axis\" x1=\"100\" x2=\"990\" y1=\"\(y + 20)\" y2=\"\(y + 20)\"/>"
            for fault in self.faults where fault.role == role {
                let width = max(1.5, self.x(fault.end) - self.x(fault.start))
                let title = "\(fault.kind.rawValue) of \(fault.target), \(fault.start) s to \(fault.end) s"
                drawing +=
                    "<rect class=\"\(fault.kind.rawValue)\" x=\"\(self.x(fault.start))\" y=\"\(y)\" width=\"\(width)\" "
                    + "height=\"18\" opacity=\"0.75\"><title>\(title)</title></rect>"
            }
        }
        return drawing + self.ticks(y: 26 + ChaosRole.allCases.count * 26)
    }

    /// The time, at five places.
    private func ticks(y: Int) -> String {
        (0...4).map { part in
            let seconds = self.span * Double(part) / 4
            return "<text x=\"\(self.x(seconds))\" y=\"\(y)\" text-anchor=\"\(part == 4 ? "end" : "start")\">"
                + "\(Int(seconds)) s</text>"
        }.joined()
    }

    private var legend: String {
        let kinds = Set(self.faults.map(\.kind))
        return Self.colours.filter { kinds.contains($0.kind) }.map { kind, _ in
            "<svg style=\"width:12px\" viewBox=\"0 0 12 12\"><rect class=\"\(kind.rawValue)\" width=\"12\" height=\"12\"/></svg> "
                + kind.rawValue
        }.joined(separator: " &nbsp; ")
    }

    private func curve(_ name: String, _ label: String, _ value: (Second) -> Double) -> String {
        let values = self.course.map(value)
        let most = max(values.max() ?? 0, 0.001)
        let points = values.enumerated().map { second, value in
            "\(self.x(Double(second) + 0.5)),\(((120 - 110 * value / most) * 10).rounded() / 10)"
        }
        return """
            <svg viewBox="0 0 1000 145" role="img" aria-label="\(label) over time"><text x="0" y="16">\((most * 100).rounded() / 100)</text>
            <text x="0" y="122">0</text><line class="axis" x1="100" x2="990" y1="120" y2="120"/>
            <polyline fill="none" stroke="var(--\(name))" stroke-width="1.5" points="\(points.joined(separator: " "))"/>
            \(self.ticks(y: 138))</svg>
            """
    }

    private var breachList: String {
        guard !self.verdict.breaches.isEmpty else { return "" }
        return "<h2>Breaches</h2><ul>"
            + self.verdict.breaches.map { "<li>\(Self.escaped($0))</li>" }.joined(separator: "\n") + "</ul>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
