/// Which known name was probably meant.
enum Nearest {
    /// The name with the fewest letters to change; of several, the first.
    static func name(to text: String, among names: [String]) -> String {
        let wanted = Array(text.lowercased().unicodeScalars.prefix(64))
        let distances = names.map { (name: $0, distance: Self.distance(wanted, Array($0.unicodeScalars))) }
        return distances.min { $0.distance < $1.distance }?.name ?? ""
    }

    /// How many letters to insert, remove or change (Levenshtein 1966).
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var row = Array(0...right.count)
        for (i, scalar) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let changed = diagonal + (scalar == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, diagonal + 1, row[j] + 1)
            }
        }
        return row[right.count]
    }
}
