/// Lines over time as an SVG picture, without anything but this file.
public struct LinePlot: Sendable {
    /// One line.
    public struct Series: Sendable {
        /// As the legend has it.
        public var name: String
        /// In order of x.
        public var points: [(x: Double, y: Double)]
        /// Where it should be: a dashed line of the same colour.
        public var target: Double?

        /// A line with its name.
        public init(_ name: String, _ points: [(x: Double, y: Double)], target: Double? = nil) {
            self.name = name
            self.points = points
            self.target = target
        }
    }

    /// What the picture shows.
    public var title: String
    /// What the horizontal axis counts, with its unit.
    public var xLabel: String
    /// What the vertical axis counts, with its unit.
    public var yLabel: String
    /// The lines.
    public var series: [Series]
    /// Moments worth a thin vertical line.
    public var marks: [Double] = []
    /// What the marks are; empty: nothing is said.
    public var marksLabel = ""

    private static let colours = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777"]
    private static let (width, height) = (900.0, 480.0)
    private static let (left, right, top, bottom) = (70.0, 150.0, 46.0, 56.0)

    /// A picture of these lines.
    public init(title: String, xLabel: String, yLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
    }

    /// The picture, as the text of an SVG file.
    public var svg: String {
        let points = self.series.flatMap(\.points)
        let xTicks = Self.ticks(points.map(\.x).min() ?? 0, points.map(\.x).max() ?? 1)
        let highest = max(points.map(\.y).max() ?? 1, self.series.compactMap(\.target).max() ?? 0)
        let yTicks = Self.ticks(min(0, points.map(\.y).min() ?? 0), highest)
        // The legend stands beside it, in letters of at most so many units.
        let longest = (self.series.map(\.name.count) + [self.marksLabel.count]).max() ?? 0
        let right = max(Self.right, 52 + 7.2 * Double(longest))
        let (plotWidth, plotHeight) = (Self.width - Self.left - right, Self.height - Self.top - Self.bottom)
        func x(_ value: Double) -> Double {
            Self.left + (value - xTicks[0]) / (xTicks[xTicks.count - 1] - xTicks[0]) * plotWidth
        }
        func y(_ value: Double) -> Double {
            Self.top + plotHeight - (value - yTicks[0]) / (yTicks[yTicks.count - 1] - yTicks[0]) * plotHeight
        }
        let (bottom, end) = (Self.top + plotHeight, Self.left + plotWidth)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.width)) \(Self.text(Self.height))\" "
                + "font-family=\"sans-serif\" font-size=\"13\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.label(self.title, Self.left, 26, "font-size=\"16\""),
            Self.label(self.xLabel, Self.left + plotWidth / 2, Self.height - 14, "text-anchor=\"middle\""),
            Self.label(
                self.yLabel, 18, Self.top + plotHeight / 2,
                "text-anchor=\"middle\" transform=\"rotate(-90 18 \(Self.text(Self.top + plotHeight / 2)))\""),
        ]
        for tick in xTicks {
            lines.append(Self.line(x(tick), Self.top, x(tick), bottom, "stroke=\"#eeeeee\""))
            lines.append(Self.label(Self.text(tick), x(tick), bottom + 18, "text-anchor=\"middle\""))
        }
        for tick in yTicks {
            lines.append(Self.line(Self.left, y(tick), end, y(tick), "stroke=\"#dddddd\""))
            lines.append(Self.label(Self.text(tick), Self.left - 8, y(tick) + 4, "text-anchor=\"end\""))
        }
        for mark in self.marks {
            lines.append(Self.line(x(mark), Self.top, x(mark), bottom, "stroke=\"#bbbbbb\" stroke-dasharray=\"1 3\""))
        }
        for (index, series) in self.series.enumerated() {
            let colour = "stroke=\"\(Self.colours[index % Self.colours.count])\""
            if let target = series.target {
                lines.append(
                    Self.line(
                        Self.left, y(target), end, y(target), "\(colour) stroke-dasharray=\"6 4\" opacity=\"0.7\""))
            }
            let path = series.points.map { "\(Self.text(x($0.x))),\(Self.text(y($0.y)))" }.joined(separator: " ")
            lines.append("<polyline points=\"\(path)\" fill=\"none\" \(colour) stroke-width=\"1.5\"/>")
            let place = Self.top + 14 + Double(index) * 20
            lines.append(Self.line(end + 14, place - 4, end + 38, place - 4, "\(colour) stroke-width=\"2\""))
            lines.append(Self.label(series.name, end + 44, place, ""))
        }
        if !self.marksLabel.isEmpty {
            let place = Self.top + 24 + Double(self.series.count) * 20
            lines.append(
                Self.line(end + 26, place - 12, end + 26, place + 4, "stroke=\"#bbbbbb\" stroke-dasharray=\"1 3\""))
            lines.append(Self.label(self.marksLabel, end + 44, place, ""))
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    /// Pictures one below the other, as the text of one SVG file.
    public static func column(_ plots: [LinePlot]) -> String {
        let (width, height) = (Self.text(Self.width), Self.text(Self.height * Double(plots.count)))
        let start = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\">"
        let parts = plots.enumerated().map { index, plot in
            "<svg y=\"\(Self.text(Self.height * Double(index)))\" width=\"\(width)\" height=\"\(Self.text(Self.height))\">\n"
                + "\(plot.svg)</svg>"
        }
        return ([start] + parts + ["</svg>", ""]).joined(separator: "\n")
    }

    /// Round numbers around a range, at even distances: at least two.
    static func ticks(_ least: Double, _ most: Double) -> [Double] {
        let span = most > least ? most - least : 1
        var step = 1.0
        while step > span / 5 { step /= 10 }
        while step * 10 <= span / 5 { step *= 10 }
        step *= span / step > 25 ? 5 : span / step > 12 ? 2 : 1
        let (first, last) = ((least / step).rounded(.down), ((least + span) / step - 1e-9).rounded(.up))
        return (0...Int(last - first)).map { (first + Double($0)) * step }
    }

    private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
        "<line x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\" \(style)/>"
    }

    private static func label(_ words: String, _ x: Double, _ y: Double, _ style: String) -> String {
        let escaped = words.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "<text x=\"\(text(x))\" y=\"\(text(y))\" \(style)>\(escaped)</text>"
    }

    /// A number with at most three decimals.
    private static func text(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int64(rounded))" : "\(rounded)"
    }
}
