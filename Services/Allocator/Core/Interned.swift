/// Values that many have in common, each kept once and named by a small number.
///
/// A value that nobody uses any more makes room for the next.
struct Interned<Value: Hashable> {
    private var rows: [(value: Value, users: Int)] = []
    private var numbers: [Value: UInt32] = [:]
    private var vacant: [UInt32] = []

    subscript(number: UInt32) -> Value { self.rows[Int(number)].value }

    /// One above the highest number ever given.
    var endIndex: UInt32 { UInt32(self.rows.count) }

    func isUsed(_ number: UInt32) -> Bool { self.rows[Int(number)].users > 0 }

    /// The number of a value, with one more user; new if nobody used it.
    mutating func acquire(_ value: Value) -> (number: UInt32, isNew: Bool) {
        if let known = self.numbers[value] {
            self.rows[Int(known)].users += 1
            return (known, false)
        }
        let number: UInt32
        if let vacancy = self.vacant.popLast() {
            number = vacancy
            self.rows[Int(number)] = (value, 1)
        } else {
            number = UInt32(self.rows.count)
            self.rows.append((value, 1))
        }
        self.numbers[value] = number
        return (number, true)
    }

    /// One user less; true if that was the last.
    @discardableResult
    mutating func release(_ number: UInt32) -> Bool {
        self.rows[Int(number)].users -= 1
        guard self.rows[Int(number)].users == 0 else { return false }
        self.numbers[self.rows[Int(number)].value] = nil
        self.vacant.append(number)
        return true
    }
}
