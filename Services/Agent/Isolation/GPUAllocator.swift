internal import Model

/// Which GPU is whose: each is one container's, or nobody's.
struct GPUAllocator: Hashable, Sendable {
    /// All that there are for containers.
    let devices: [GPUDevice]
    /// Places in `devices`, ascending.
    private var owned: [RunID: [Int]] = [:]

    init(_ devices: [GPUDevice]) { self.devices = devices }

    /// Those of a container, in the order of `devices`.
    func devices(of run: RunID) -> [GPUDevice] { (self.owned[run] ?? []).map { self.devices[$0] } }

    /// Those of nobody.
    var free: [Int] {
        let taken = Set(self.owned.values.joined())
        return self.devices.indices.filter { !taken.contains($0) }
    }

    /// A container starts, or is to have more or fewer: it keeps what it has of them, and of too many the first.
    ///
    /// - Throws: If there are not as many, or part of one is wanted; nothing has changed then.
    mutating func set(_ run: RunID, milliGPU: Int64) throws(IsolationError) {
        guard milliGPU % 1000 == 0 else {
            throw IsolationError("\(Double(milliGPU) / 1000) gpus are wanted, and no part of one is given away")
        }
        let count = Int(milliGPU / 1000), own = self.owned[run] ?? [], free = self.free
        guard count <= own.count + free.count else {
            throw IsolationError(
                "\(count) gpus are wanted, and of \(self.devices.count) only \(own.count + free.count) are free")
        }
        let all = (own + free.prefix(max(0, count - own.count))).prefix(count).sorted()
        self.owned[run] = all.isEmpty ? nil : all
    }

    /// A container has ended.
    mutating func end(_ run: RunID) { self.owned[run] = nil }

    /// An earlier life of the agent gave a container devices of these numbers; those that are not there any more, or
    /// are another's, are passed over.
    mutating func find(_ run: RunID, _ numbers: [String]) {
        let free = Set(self.free)
        let found = self.devices.indices.filter { free.contains($0) && numbers.contains(self.devices[$0].number) }
        self.owned[run] = found.isEmpty ? nil : found
    }
}
