/// A set of agents as bits, gone through in circles.
struct AgentSet {
    private var words: [UInt64] = []

    subscript(agent: UInt32) -> Bool {
        get { agent / 64 < self.words.count && self.words[Int(agent / 64)] >> (agent % 64) & 1 == 1 }
        set {
            while self.words.count <= agent / 64 { self.words.append(0) }
            if newValue {
                self.words[Int(agent / 64)] |= 1 << (agent % 64)
            } else {
                self.words[Int(agent / 64)] &= ~(1 << (agent % 64))
            }
        }
    }

    /// The first at or above an index; nil if there is none.
    ///
    /// - Complexity: O(agents / 64).
    func next(from agent: UInt32) -> UInt32? {
        var word = Int(agent / 64)
        guard word < self.words.count else { return nil }
        var bits = self.words[word] & ~((1 << (agent % 64)) - 1)
        while bits == 0 {
            word += 1
            guard word < self.words.count else { return nil }
            bits = self.words[word]
        }
        return UInt32(word * 64 + bits.trailingZeroBitCount)
    }
}
