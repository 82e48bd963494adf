/// One value of a row, as a table and as JSON.
enum Cell {
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([String])
    case fields([(String, Cell)])
    /// Of several things, what people read and what programs do.
    case things([(shown: String, json: Cell)])

    /// As a table shows it.
    var shown: String {
        switch self {
        case .text(let text): text.isEmpty ? "-" : text
        case .number(let number): Self.plain(number)
        case .flag(let flag): flag ? "yes" : "no"
        case .list(let items): items.isEmpty ? "-" : items.joined(separator: ",")
        case .fields(let fields): fields.map { "\($0.0):\($0.1.shown)" }.joined(separator: " ")
        case .things(let things): things.isEmpty ? "-" : things.map(\.shown).joined(separator: ",")
        }
    }

    /// As JSON.
    var json: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .number(let number): number.isFinite ? Self.plain(number) : "null"
        case .flag(let flag): flag ? "true" : "false"
        case .list(let items): "[" + items.map(Self.quoted).joined(separator: ",") + "]"
        case .fields(let fields):
            "{" + fields.map { "\(Self.quoted($0.0)):\($0.1.json)" }.joined(separator: ",") + "}"
        case .things(let things): "[" + things.map(\.json.json).joined(separator: ",") + "]"
        }
    }

    private static func plain(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : String(number)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Rows with the same columns.
struct Listing {
    /// What a row is made of: the key in JSON and, in capitals, the heading of the table.
    let columns: [String]
    /// Those of numbers, which end below each other.
    var rightAligned: Set<String> = []
    var rows: [[Cell]] = []

    init(_ columns: [String]) { self.columns = columns }

    /// Columns as wide as their widest value.
    var table: String { self.lines.joined(separator: "\n") }

    /// The heading, and a line for each row.
    var lines: [String] {
        let lines = [self.columns.map { $0.uppercased().replacing("_", with: " ") }] + self.rows.map { $0.map(\.shown) }
        let widths = self.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let padded = self.columns.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - line[column].count)
                return self.rightAligned.contains(self.columns[column]) ? blanks + line[column] : line[column] + blanks
            }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }

    /// An array of objects, one a line.
    var json: String {
        let objects = self.rows.map { row in Cell.fields(Array(zip(self.columns, row))).json }
        return objects.isEmpty ? "[]" : "[\n" + objects.joined(separator: ",\n") + "\n]"
    }
}
