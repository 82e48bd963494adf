import Model

/// What a role or a framework is to have at least and at most, and how far it is from that.
struct Claim {
    /// What it is to have before anybody gets more; what it does not name is not guaranteed.
    var guarantee = Resources()
    /// What it may hold at most; what it does not name is not limited, nor is anything if it is nil.
    var limit: Resources?
    /// Of a framework's clients the one whose claim is the framework's: that in the first of its roles.
    var primary: UInt32
    /// What all clients of the framework hold, at its primary one.
    var heldByFramework = Resources()
    /// What it lacks of its guarantee, or what those below it lack together if that is more.
    var unmet = Resources()
    /// What its children lack together.
    var unmetBelow = Resources()
    /// It stood in somebody's way by its limit since all agents were looked at last.
    var hasDenied = false
}

extension Resources {
    /// The larger of each.
    func union(_ other: Resources) -> Resources { self + (other - self) }

    /// How much of it, added to what is held, would go beyond a limit, in what the limit names.
    ///
    /// All, if what is held does so already: then there is nothing more for whoever holds it, of anything.
    func excess(over limit: Resources, having held: Resources) -> Resources {
        if held.isBeyond(limit) { return self.scalars }
        func over(_ amount: Int64, _ held: Int64, _ limit: Int64) -> Int64 {
            limit > 0 ? min(amount, max(0, amount + held - limit)) : 0
        }
        var excess = Resources(
            milliCPU: over(self.cpus, held.cpus, limit.cpus), milliMB: over(self.mem, held.mem, limit.mem),
            milliMBDisk: over(self.disk, held.disk, limit.disk), milliGPU: over(self.gpus, held.gpus, limit.gpus))
        for other in limit.others {
            guard case .scalar(let milli) = other.value else { continue }
            let more = over(self.scalar(other.name), held.scalar(other.name), milli)
            // It is part of what is there already.
            try? excess.add(scalar: more, named: other.name)
        }
        return excess
    }

    /// Whether it is more than a limit, in what the limit names.
    private func isBeyond(_ limit: Resources) -> Bool {
        limit.cpus > 0 && self.cpus > limit.cpus || limit.mem > 0 && self.mem > limit.mem
            || limit.disk > 0 && self.disk > limit.disk || limit.gpus > 0 && self.gpus > limit.gpus
            || limit.others.contains { self.scalar($0.name) > limit.scalar($0.name) }
    }

    /// Whether some of what `self` names is in `other`.
    func overlaps(_ other: Resources) -> Bool {
        self.cpus > 0 && other.cpus > 0 || self.mem > 0 && other.mem > 0 || self.disk > 0 && other.disk > 0
            || self.gpus > 0 && other.gpus > 0
            || self.others.contains { other.scalar($0.name) > 0 }
    }

    /// The smallest part that is had of what is wanted: 1 if all of it is.
    func satisfaction(of wanted: Resources) -> Double {
        func part(_ had: Int64, _ wanted: Int64) -> Double { wanted > had ? Double(had) / Double(wanted) : 1 }
        var least = min(part(self.cpus, wanted.cpus), part(self.mem, wanted.mem))
        least = min(least, part(self.disk, wanted.disk), part(self.gpus, wanted.gpus))
        for other in wanted.others { least = min(least, part(self.scalar(other.name), wanted.scalar(other.name))) }
        return least
    }

    /// The part of it that is `part` of `whole`, each resource by itself, rounded up.
    func scaled(by part: Resources, of whole: Resources) -> Resources {
        func scale(_ amount: Int64, _ part: Int64, _ whole: Int64) -> Int64 {
            guard whole > part, whole > 0 else { return amount }
            let product = amount.multipliedFullWidth(by: part)
            let (quotient, rest) = whole.dividingFullWidth(product)
            return quotient + (rest > 0 ? 1 : 0)
        }
        var scaled = Resources(
            milliCPU: scale(self.cpus, part.cpus, whole.cpus), milliMB: scale(self.mem, part.mem, whole.mem),
            milliMBDisk: scale(self.disk, part.disk, whole.disk), milliGPU: scale(self.gpus, part.gpus, whole.gpus))
        for other in self.others {
            let amount = scale(
                self.scalar(other.name), part.scalar(other.name), whole.scalar(other.name))
            // No more than what is there already.
            try? scaled.add(scalar: amount, named: other.name)
        }
        return scaled
    }
}
