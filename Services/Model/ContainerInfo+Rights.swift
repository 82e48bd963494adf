extension ContainerInfo.ResourceLimit.Kind {
    /// As the kernel's headers call it, without `RLIMIT_`, in small letters: `nofile`.
    public var name: String {
        switch self {
        case .addressSpace: "as"
        case .core: "core"
        case .cpu: "cpu"
        case .data: "data"
        case .fileSize: "fsize"
        case .locks: "locks"
        case .lockedMemory: "memlock"
        case .messageQueues: "msgqueue"
        case .nice: "nice"
        case .openFiles: "nofile"
        case .processes: "nproc"
        case .residentSet: "rss"
        case .realTimePriority: "rtprio"
        case .realTime: "rttime"
        case .pendingSignals: "sigpending"
        case .stack: "stack"
        }
    }
}

extension ContainerInfo.ResourceLimit {
    /// What a text is not.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// For people: the text, and how one looks.
        public let description: String
    }

    /// Reads `nofile=1024:2048`, the soft limit before the hard one; a single number is both.
    ///
    /// `unlimited` and `-1` are no limit.
    public init(_ text: String) throws(Invalid) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, let kind = Kind.allCases.first(where: { $0.name == sides[0] }) else {
            let known = Kind.allCases.map(\.name).joined(separator: ", ")
            throw Invalid(description: "\"\(text)\": write NAME=SOFT:HARD with a name out of \(known)")
        }
        let bounds = sides[1].split(separator: ":", omittingEmptySubsequences: false).map(Self.bound)
        guard (1...2).contains(bounds.count), let soft = bounds[0], let hard = bounds[bounds.count - 1] else {
            throw Invalid(description: "\"\(text)\": its limits are whole numbers, or unlimited")
        }
        self.init(kind, soft: soft.value, hard: hard.value)
        if let problem { throw Invalid(description: "\"\(text)\" \(problem)") }
    }

    /// Nil: no bound was meant.
    private static func bound(_ text: Substring) -> Bound? {
        if text == "unlimited" || text == "-1" { return Bound(value: nil) }
        return UInt64(text).map { Bound(value: $0) }
    }

    private struct Bound {
        /// Nil: no limit.
        let value: UInt64?
    }

    /// What is wrong with it; nil if nothing is.
    public var problem: String? {
        guard self.soft ?? .max > self.hard ?? .max else { return nil }
        let (soft, hard) = (Self.text(self.soft), Self.text(self.hard))
        return "has a soft limit of \(self.kind.name), \(soft), above the hard one, \(hard)"
    }

    /// For people.
    public static func text(_ bound: UInt64?) -> String { bound.map { "\($0)" } ?? "unlimited" }
}

extension ContainerInfo {
    /// What is wrong with the limits and capabilities that it asks for; nil if an agent can be asked for them.
    var rightsProblem: String? {
        var seen: Set<ResourceLimit.Kind> = []
        for limit in self.limits {
            if !seen.insert(limit.kind).inserted { return "has two limits of \(limit.kind.name)" }
            if let problem = limit.problem { return problem }
        }
        if let effective = self.linux.effectiveCapabilities, let bounding = self.linux.boundingCapabilities,
            effective & ~bounding != 0
        {
            let excess = Capabilities.text(effective & ~bounding)
            return "has effective capabilities outside of its bounding ones: \(excess)"
        }
        return nil
    }
}
