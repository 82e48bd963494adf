/// A number for each pair of an agent and a client, found in one step.
///
/// An open table with linear probing. Keys come from this process's own counters, not from an adversary, so mixing their bits
/// is enough; and nothing iterates over it, so its order never reaches an effect.
struct PairIndex {
    private struct Slot {
        var agent = UInt32.max
        var client = UInt32.max
        var number: UInt32 = 0

        var isVacant: Bool { self.agent == .max && self.client == .max }
    }

    private var slots = [Slot](repeating: Slot(), count: 16)
    private var count = 0

    var isEmpty: Bool { self.count == 0 }

    private var mask: Int { self.slots.count - 1 }

    private func home(_ agent: UInt32, _ client: UInt32) -> Int {
        var mixed = UInt64(agent) << 32 | UInt64(client)
        mixed = (mixed ^ (mixed >> 32)) &* 0xd6e8_feb8_6659_fd93
        return Int(truncatingIfNeeded: mixed ^ (mixed >> 32)) & self.mask
    }

    /// Where the pair is, or would be.
    private func place(_ agent: UInt32, _ client: UInt32) -> Int {
        var place = self.home(agent, client)
        while !self.slots[place].isVacant, self.slots[place].agent != agent || self.slots[place].client != client {
            place = (place + 1) & self.mask
        }
        return place
    }

    subscript(agent: UInt32, client: UInt32) -> UInt32? {
        get {
            let slot = self.slots[self.place(agent, client)]
            return slot.isVacant ? nil : slot.number
        }
        set {
            if let newValue { self.set(newValue, agent, client) } else { self.remove(agent, client) }
        }
    }

    private mutating func set(_ number: UInt32, _ agent: UInt32, _ client: UInt32) {
        if self.count * 4 >= self.slots.count * 3 { self.resize(to: self.slots.count * 2) }
        let place = self.place(agent, client)
        if self.slots[place].isVacant { self.count += 1 }
        self.slots[place] = Slot(agent: agent, client: client, number: number)
    }

    /// Takes a pair out, and moves up those behind it that were pushed out of their places.
    private mutating func remove(_ agent: UInt32, _ client: UInt32) {
        var hole = self.place(agent, client)
        guard !self.slots[hole].isVacant else { return }
        self.count -= 1
        var place = hole
        while true {
            place = (place + 1) & self.mask
            let slot = self.slots[place]
            if slot.isVacant { break }
            // It may move if its home is not between the hole and where it is.
            let distance = (place - self.home(slot.agent, slot.client)) & self.mask
            guard distance >= (place - hole) & self.mask else { continue }
            self.slots[hole] = slot
            hole = place
        }
        self.slots[hole] = Slot()
        if self.slots.count > 1024, self.count * 8 < self.slots.count { self.resize(to: self.slots.count / 2) }
    }

    private mutating func resize(to count: Int) {
        let old = self.slots
        self.slots = Array(repeating: Slot(), count: count)
        for slot in old where !slot.isVacant { self.slots[self.place(slot.agent, slot.client)] = slot }
    }
}
