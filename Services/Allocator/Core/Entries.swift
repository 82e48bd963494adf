import Model

/// A framework in one of its roles.
struct ClientEntry {
    let framework: UInt32
    let role: UInt32
    let roleName: String
    /// Never used again: tells a client from a later one of the same number.
    let serial: UInt32
    /// It declined what it lacks of a guarantee and has asked for nothing since: nothing is taken from others for it.
    var isIdle = false
    /// Which message of the master was the last that changed it.
    var changed: UInt64 = 0
}

/// A framework as the master tells of it.
struct FrameworkEntry {
    let id: FrameworkID
    /// Offers that hold none of these are of no use to it.
    var floor: [Resources] = []
    /// Which agents are of use to it, by role.
    var constraints: [String: OfferConstraints] = [:]

    /// What it asked for, the oldest first.
    var wishes: [ResourceWish] = []
}

/// A framework's client in one of its roles; one that it has left stays while the framework does, for what it holds in it.
struct Membership {
    let roleName: String
    let client: UInt32
}

extension Resources {
    /// Without ports and sets: those of different agents have nothing to do with each other and make no share.
    var scalars: Resources {
        if self.others.isEmpty { return self }
        var scalars = Resources(
            milliCPU: self.cpus, milliMB: self.mem, milliMBDisk: self.disk, milliGPU: self.gpus)
        for other in self.others {
            guard case .scalar(let milli) = other.value else { continue }
            // One that is beyond any limit makes no share.
            try? scalars.add(scalar: milli, named: other.name)
        }
        return scalars
    }
}

extension Array {
    /// The row of that index, or nil if there is none.
    subscript<Row>(safe index: UInt32) -> Row? where Element == Row? {
        index < self.count ? self[Int(index)] : nil
    }
}
