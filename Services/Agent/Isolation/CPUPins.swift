internal import Model

/// Which processors belong to one container alone, and which all others share.
///
/// A container that has whole `cpus` gets as many processors of its own, the highest numbers first. One processor at
/// least is always left for the others: whoever finds too few free shares like them, until some become free; the
/// oldest has the first claim. Where memory is near (NUMA) and which processors are halves of one core is not looked at.
struct CPUPins: Hashable, Sendable {
    /// All that there are for containers.
    let processors: Set<Int>
    private var owned: [RunID: Set<Int>] = [:]
    /// How many of its own each container wants; 0: none.
    private var wishes: [RunID: Int] = [:]
    /// What containers had that an earlier life of the agent started, until it is known what they want.
    private var found: [RunID: Set<Int>] = [:]

    init(_ processors: Set<Int>) { self.processors = processors }

    /// Those that no container has alone.
    var shared: Set<Int> { self.owned.values.reduce(self.processors) { $0.subtracting($1) } }

    /// Those that a container has alone; nil if it shares.
    func owned(by run: RunID) -> Set<Int>? { self.owned[run] }

    /// Those that a container may run on.
    func processors(of run: RunID) -> Set<Int> { self.owned[run] ?? self.shared }

    /// How many of its own a container wants and cannot have now; 0 if it has what it wants.
    func missing(_ run: RunID) -> Int { self.owned[run] == nil ? self.wishes[run] ?? 0 : 0 }

    /// How many processors of its own a container with these `cpus` gets.
    static func wish(milliCPU: Int64) -> Int { milliCPU % 1000 == 0 ? Int(milliCPU / 1000) : 0 }

    // MARK: - What happens

    /// An earlier life of the agent left containers on these processors.
    ///
    /// Those that share have the same ones, so what is nobody else's is a container's own until `set` tells better.
    mutating func find(_ lists: [RunID: Set<Int>]) {
        var taken: Set<Int> = []
        for (run, list) in lists.sorted(by: { $0.key < $1.key }) {
            let own = list.intersection(self.processors)
            self.found[run] = own
            let isAlone = lists.allSatisfy { $0.key == run || $0.value != list }
            guard isAlone, !own.isEmpty, taken.isDisjoint(with: own),
                taken.count + own.count < self.processors.count
            else { continue }
            self.owned[run] = own
            taken.formUnion(own)
        }
    }

    /// A container starts, or has other `cpus`.
    mutating func set(_ run: RunID, milliCPU: Int64) {
        let wish = Self.wish(milliCPU: milliCPU)
        self.wishes[run] = wish
        if wish == 0 {
            self.owned[run] = nil
        } else if let own = self.owned[run], own.count > wish {
            self.owned[run] = Set(own.sorted().suffix(wish))
        }
        self.settle()
        self.found[run] = nil
    }

    /// A container has ended.
    mutating func end(_ run: RunID) {
        self.owned[run] = nil
        self.wishes[run] = nil
        self.found[run] = nil
        self.settle()
    }

    private mutating func settle() {
        // Who grew and cannot have all has none of its own: half of a wish would slow down the whole of it.
        for (run, own) in self.owned {
            if let wish = self.wishes[run], wish - own.count >= self.shared.count, wish > own.count {
                self.owned[run] = nil
            }
        }
        for (run, wish) in self.wishes.sorted(by: { $0.key < $1.key }) {
            let own = self.owned[run] ?? [], free = self.shared
            guard wish > own.count, free.count > wish - own.count else { continue }
            let familiar = free.intersection(self.found[run] ?? [])
            let picked = familiar.sorted(by: >) + free.subtracting(familiar).sorted(by: >)
            self.owned[run] = own.union(picked.prefix(wish - own.count))
        }
    }
}

/// Numbers as the kernel writes them: `0-3,8`.
enum ProcessorList {
    static func numbers(in list: some StringProtocol) -> Set<Int> {
        let items = String(list.filter { !$0.isWhitespace }).split(separator: ",")
        return items.reduce(into: []) { numbers, item in
            let bounds = item.split(separator: "-").compactMap { Int($0) }
            guard let first = bounds.first, let last = bounds.last, first <= last else { return }
            numbers.formUnion(first...last)
        }
    }

    static func text(_ numbers: Set<Int>) -> String {
        var ranges: [(first: Int, last: Int)] = []
        for number in numbers.sorted() {
            if let last = ranges.last?.last, last + 1 == number {
                ranges[ranges.count - 1].last = number
            } else {
                ranges.append((number, number))
            }
        }
        return ranges.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }.joined(separator: ",")
    }
}
