import Model

/// Kinds of clients: those of one kind can use the same offers.
///
/// There are few, however many clients there are; so what an agent has free is held against each kind, not against each client, and
/// clients that cannot use it cost nothing.
struct KindTable {
    struct Kind: Hashable {
        /// Offers that hold none of these are of no use; none: all are.
        var floor: [Resources]
    }

    private var kinds = Interned<Kind>()

    /// The number of a kind, with one more client of it.
    mutating func acquire(_ kind: Kind) -> UInt32 { self.kinds.acquire(kind).number }

    /// One client less.
    mutating func release(_ kind: UInt32) { self.kinds.release(kind) }

    /// Whether so much is of use to clients of a kind.
    func isEnough(_ resources: Resources, for kind: UInt32) -> Bool {
        let floor = self.kinds[kind].floor
        return floor.isEmpty || floor.contains { resources.contains($0) }
    }

    /// Finds the kinds that can use these resources.
    func admitted(_ resources: Resources, into admitted: inout [UInt32]) {
        admitted.removeAll(keepingCapacity: true)
        for kind in 0..<self.kinds.endIndex where self.kinds.isUsed(kind) {
            if self.isEnough(resources, for: kind) { admitted.append(kind) }
        }
    }
}
