/// A bar chart as SVG: groups side by side, in each a bar for every series, and lines of text below it.
public struct BarPlot {
    /// Bars that belong together.
    public struct Group {
        var label: String
        var values: [Double]
        var notes: [String]

        /// A value for each series, and what is written below them.
        public init(_ label: String, _ values: [Double], notes: [String] = []) {
            self.label = label
            self.values = values
            self.notes = notes
        }
    }

    /// Above it.
    public var title: String
    /// What the values are in.
    public var unit: String
    /// What each bar of a group is; its legend.
    public var series: [String]
    /// From left to right.
    public var groups: [Group] = []

    private static let colours = ["#9aa5b1", "#2f6f9f", "#d9822b", "#4a8f5c"]
    private static let (left, top, height, line) = (70, 72, 300, 15)
    /// More go into further rows, with the same axis.
    private static let groupsPerRow = 6

    /// A chart without bars yet.
    public init(title: String, unit: String, series: [String]) {
        self.title = title
        self.unit = unit
        self.series = series
    }

    /// The whole document.
    public var svg: String {
        let labels = self.groups.flatMap { [$0.label] + $0.notes }
        let pitch = max(26 * self.series.count + 24, (labels.map(\.count).max() ?? 0) * 7 + 12)
        let columns = max(1, min(self.groups.count, Self.groupsPerRow))
        let width = max(Self.left + pitch * columns + 20, 8 * self.title.count + 40)
        let lines = 2 + (self.groups.map(\.notes.count).max() ?? 0)
        let rows = max(1, (self.groups.count + columns - 1) / columns)
        let rowHeight = Self.top + Self.height + lines * Self.line
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(rows * rowHeight + 12)" \
            font-family="sans-serif" font-size="12">
            """,
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.text(self.title, 10, 20, size: 15),
        ]
        if self.series.count > 1 { parts += self.legend }
        let top = Self.niceTop(self.groups.flatMap(\.values).max() ?? 0)
        for row in 0..<rows {
            parts.append("<g transform=\"translate(0 \(row * rowHeight))\">")
            parts += self.axis(to: top, width: width)
            for (column, group) in self.groups.dropFirst(row * columns).prefix(columns).enumerated() {
                parts += self.bars(of: group, from: Self.left + column * pitch, pitch: pitch, top: top)
            }
            parts.append("</g>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var legend: [String] {
        var parts: [String] = []
        var x = Self.left
        for (index, name) in self.series.enumerated() {
            parts.append("<rect x=\"\(x)\" y=\"30\" width=\"10\" height=\"10\" fill=\"\(Self.colour(index))\"/>")
            parts.append(Self.text(name, x + 14, 39))
            x += 34 + 7 * name.count
        }
        return parts
    }

    private func axis(to top: Double, width: Int) -> [String] {
        var parts = [Self.text(self.unit, 10, Self.top - 8)]
        for step in 0...4 {
            let y = Self.top + Self.height - Self.height * step / 4
            parts.append("<path d=\"M\(Self.left - 4) \(y)H\(width - 10)\" stroke=\"#dde2e7\"/>")
            parts.append(Self.text(Self.short(top * Double(step) / 4), Self.left - 8, y + 4, anchor: "end"))
        }
        return parts
    }

    private func bars(of group: Group, from left: Int, pitch: Int, top: Double) -> [String] {
        var parts: [String] = []
        let bottom = Self.top + Self.height
        let start = left + (pitch - 26 * group.values.count) / 2
        for (index, value) in group.values.enumerated() where value.isFinite {
            let height = top > 0 ? Int((max(0, value) / top * Double(Self.height)).rounded()) : 0
            let x = start + 26 * index
            parts.append(
                """
                <rect x="\(x)" y="\(bottom - height)" width="22" height="\(height)" fill="\(Self.colour(index))"/>
                """)
            parts.append(Self.text(Self.short(value), x + 11, bottom - height - 3, anchor: "middle", size: 9))
        }
        for (index, line) in ([group.label] + group.notes).enumerated() {
            let y = bottom + Self.line * (index + 1)
            parts.append(Self.text(line, left + pitch / 2, y, anchor: "middle", size: index == 0 ? 12 : 10))
        }
        return parts
    }

    private static func colour(_ index: Int) -> String { Self.colours[index % Self.colours.count] }

    private static func text(_ text: String, _ x: Int, _ y: Int, anchor: String = "start", size: Int = 12) -> String {
        let escaped = text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }
        return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\" font-size=\"\(size)\">\(escaped.joined())</text>"
    }

    /// The least of 1, 2, 4, 5, 8, 10 times a power of ten that is not below.
    private static func niceTop(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        var power = 1.0
        while power * 10 <= value { power *= 10 }
        while power > value { power /= 10 }
        return [1, 2, 4, 5, 8, 10].map { $0 * power }.first { $0 >= value } ?? value
    }

    /// Three digits or so.
    private static func short(_ value: Double) -> String {
        if value >= 10_000 { return "\(Int((value / 1000).rounded()))k" }
        if value >= 100 || value == value.rounded() { return "\(Int(value.rounded()))" }
        return "\((value * 100).rounded() / 100)"
    }
}
