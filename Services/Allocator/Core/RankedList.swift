/// Clients in the order of their rank, the most deserving first.
///
/// A list in blocks: finding a place takes O(log n), moving up O(block) of plain memory, and going through it in order
/// nothing but the steps.
struct RankedList {
    /// What decides who is first: the share, then how often it was served, then a fixed number.
    struct Rank: Hashable, Comparable {
        var share: Double
        var served: UInt64
        var tie: UInt32
        /// Whom it ranks.
        var id: UInt32

        static func < (left: Self, right: Self) -> Bool {
            if left.share != right.share { return left.share < right.share }
            if left.served != right.served { return left.served < right.served }
            return left.tie != right.tie ? left.tie < right.tie : left.id < right.id
        }
    }

    /// Half-full blocks of this size move 6 KiB per change at most, and lists of one block are the rule.
    private static let blockSize = 256

    private var blocks: [[Rank]] = []
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    mutating func insert(_ rank: Rank) {
        self.count += 1
        guard !self.blocks.isEmpty else {
            self.blocks = [[rank]]
            return
        }
        let block = self.block(for: rank)
        let position = Self.position(of: rank, in: self.blocks[block])
        self.blocks[block].insert(rank, at: position)
        guard self.blocks[block].count > Self.blockSize else { return }
        let upper = Array(self.blocks[block][(Self.blockSize / 2)...])
        self.blocks[block].removeSubrange((Self.blockSize / 2)...)
        self.blocks.insert(upper, at: block + 1)
    }

    /// Takes out a rank, which must be there as it was inserted.
    mutating func remove(_ rank: Rank) {
        let block = self.blocks.isEmpty ? 0 : self.block(for: rank)
        let position = self.blocks.isEmpty ? 0 : Self.position(of: rank, in: self.blocks[block])
        precondition(
            block < self.blocks.count && position < self.blocks[block].count && self.blocks[block][position] == rank,
            "\(rank) is not in the list of \(self.count)")
        self.blocks[block].remove(at: position)
        if self.blocks[block].isEmpty { self.blocks.remove(at: block) }
        self.count -= 1
    }

    /// Puts everything in order anew.
    ///
    /// - Complexity: O(n log n).
    mutating func rebuild(_ rank: (UInt32) -> Rank) {
        let all = self.blocks.joined().map { rank($0.id) }.sorted()
        self.blocks = stride(from: 0, to: all.count, by: Self.blockSize / 2).map {
            Array(all[$0..<min($0 + Self.blockSize / 2, all.count)])
        }
    }

    /// The first in order that `accepts` takes.
    func first(where accepts: (UInt32) -> Bool) -> UInt32? {
        for block in self.blocks {
            for rank in block where accepts(rank.id) { return rank.id }
        }
        return nil
    }

    /// The last block that begins at or before the rank.
    private func block(for rank: Rank) -> Int {
        var (low, high) = (0, self.blocks.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if rank < self.blocks[middle][0] { high = middle - 1 } else { low = middle }
        }
        return low
    }

    private static func position(of rank: Rank, in block: [Rank]) -> Int {
        var (low, high) = (0, block.count)
        while low < high {
            let middle = (low + high) / 2
            if block[middle] < rank { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
