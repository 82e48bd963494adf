/// How a round looks: as text for files, or cut to a terminal and coloured.
struct TopScreen {
    /// A terminal's size in characters; nil: not shown on one, and nothing is cut.
    struct Size: Hashable {
        var columns: Int
        var rows: Int
    }

    var size: Size?
    /// Whether headings and what is near its end stand out.
    var hasColours = false
    /// Everything, instead of what is looked at most.
    var isWide = false

    /// The part of a limit from which on a container is marked, and from which on strongly.
    static let (near, nearest) = (0.75, 0.9)

    private enum Style: String {
        case plain = ""
        case heading = "\u{1b}[1m"
        case warning = "\u{1b}[33m"
        case alarm = "\u{1b}[31m"
    }

    /// The lines of a round, without ends of lines.
    func lines(_ table: TopTable) -> [String] {
        let machines = Self.styled(table.machines.lines, table.reports.map(Self.style))
        let containers = Self.styled(table.containers(isWide: self.isWide).lines, table.rows.map(Self.style))
        var lines = machines + [("", .plain)] + containers
        if let size {
            // The machines give way first: on a small terminal their first lines tell how many there are.
            let most = max(4, size.rows - 1)
            let shown = Self.cut(machines, to: max(2, most - min(containers.count, most / 2) - 1))
            lines = shown + [("", .plain)]
            lines += Self.cut(containers, to: max(2, most - lines.count))
        }
        return lines.map { self.text($0.0, $0.1) }
    }

    private typealias Line = (String, Style)

    private static func styled(_ lines: [String], _ styles: [Style]) -> [Line] {
        Array(zip(lines, [.heading] + styles))
    }

    private static func cut(_ lines: [Line], to count: Int) -> [Line] {
        guard lines.count > count else { return lines }
        return lines.prefix(count - 1) + [("... and \(lines.count - count + 1) more", .plain)]
    }

    private static func style(_ report: TopTable.Report) -> Style {
        switch report.outcome {
        case .problem: .alarm
        case .answered(let usage): Self.style(nearness: usage.node.pressure?.values.max())
        }
    }

    private static func style(_ row: TopTable.Row) -> Style { Self.style(nearness: row.container.nearness) }

    private static func style(nearness: Double?) -> Style {
        guard let nearness, nearness >= Self.near else { return .plain }
        return nearness >= Self.nearest ? .alarm : .warning
    }

    private func text(_ line: String, _ style: Style) -> String {
        // Names are chosen by frameworks: nothing in them that a terminal would obey.
        let safe = SandboxList.shown(line)
        let text = self.size.map { String(safe.prefix($0.columns)) } ?? safe
        return self.hasColours && style != .plain ? "\(style.rawValue)\(text)\u{1b}[0m" : text
    }
}
