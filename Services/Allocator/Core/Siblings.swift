/// The children of a role in order, for each kind of client apart: those that are, or have below them, such a client.
///
/// Lists of four bytes for each: a change moves the part of a list between two places, and going through one touches nothing
/// else.
struct Siblings {
    /// By kind; what stands for a kind that nobody is of is empty.
    private var lists: [[UInt32]] = []
    /// The kinds whose list is not empty, in no order.
    private(set) var kinds: [UInt32] = []

    func isEmpty(_ kind: UInt32) -> Bool { kind >= self.lists.count || self.lists[Int(kind)].isEmpty }

    /// The child at a place; nil beyond the last.
    func child(_ place: Int, in kind: UInt32) -> UInt32? {
        place < self.lists[Int(kind)].count ? self.lists[Int(kind)][place] : nil
    }

    mutating func insert(_ child: UInt32, in kind: UInt32, _ ranks: [Rank]) {
        while self.lists.count <= kind { self.lists.append([]) }
        if self.lists[Int(kind)].isEmpty { self.kinds.append(kind) }
        let count = self.lists[Int(kind)].count
        let place = self.lists[Int(kind)].place(of: ranks[Int(child)], in: 0..<count, ranks)
        self.lists[Int(kind)].insert(child, at: place)
    }

    /// Takes out a child, whose rank must be what it was when it was put in.
    mutating func remove(_ child: UInt32, in kind: UInt32, _ ranks: [Rank]) {
        self.lists[Int(kind)].remove(at: self.place(of: child, in: kind, ranks))
        if self.lists[Int(kind)].isEmpty { self.kinds.removeAll { $0 == kind } }
    }

    /// Moves a child to where its new rank belongs; `ranks` has its old one still.
    mutating func move(_ child: UInt32, to rank: Rank, in kind: UInt32, _ ranks: [Rank]) {
        let count = self.lists[Int(kind)].count
        guard count > 1 else { return }
        let old = self.place(of: child, in: kind, ranks)
        let isUp = rank < ranks[Int(child)]
        let range = isUp ? 0..<old : old + 1..<count
        let new = self.lists[Int(kind)].place(of: rank, in: range, ranks)
        self.lists[Int(kind)].withUnsafeMutableBufferPointer { list in
            guard let base = list.baseAddress else { return }
            if isUp {
                (base + new + 1).update(from: base + new, count: old - new)
                list[new] = child
            } else {
                (base + old).update(from: base + old + 1, count: new - 1 - old)
                list[new - 1] = child
            }
        }
    }

    mutating func sort(by ranks: [Rank]) {
        for kind in self.kinds { self.lists[Int(kind)].sort { ranks[Int($0)] < ranks[Int($1)] } }
    }

    private func place(of child: UInt32, in kind: UInt32, _ ranks: [Rank]) -> Int {
        let list = self.lists[Int(kind)]
        // Who was preferred stands first still.
        if list.first == child { return 0 }
        let place = list.place(of: ranks[Int(child)], in: 0..<list.count, ranks)
        precondition(place < list.count && list[place] == child, "\(ranks[Int(child)]) is not in the list of \(kind)")
        return place
    }
}

extension [UInt32] {
    /// The first place whose child does not rank before `rank`.
    fileprivate func place(of rank: Rank, in range: Range<Int>, _ ranks: [Rank]) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if ranks[Int(self[middle])] < rank { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
