internal import Model

/// The limits of each process that a task asks for, as the kernel numbers them.
enum ProcessLimits {
    /// What the supervisor sets.
    ///
    /// - Parameter own: The limits that hold for this process, as `/proc/self/limits` tells them.
    /// - Throws: If one is above that: an operator bounds tasks by bounding the agent.
    static func limits(
        _ wanted: [ContainerInfo.ResourceLimit], own: String
    ) throws(IsolationError) -> [SupervisorStart.Limit] {
        let bounds = Self.hardLimits(in: own)
        var limits: [SupervisorStart.Limit] = []
        for limit in wanted {
            let (number, name) = Self.kernel(limit.kind), hard = limit.hard ?? .max
            if let bound = bounds[name], hard > bound {
                let text = ContainerInfo.ResourceLimit.text(limit.hard)
                throw IsolationError(
                    "The limit \(limit.kind.name) is at most \(bound) here, which is the agent's own, and \(text) is "
                        + "wanted: ask for less, or start the agent with more.")
            }
            limits.append(SupervisorStart.Limit(resource: number, soft: limit.soft ?? .max, hard: hard))
        }
        return limits
    }

    /// By the names of `/proc/self/limits`; those that are unlimited are left out.
    static func hardLimits(in text: String) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            // "Max open files            1024                 20000                files     ": names have spaces, and
            // two more end them.
            guard let end = line.firstRange(of: "  ") else { continue }
            let words = line[end.upperBound...].split(separator: " ")
            if words.count >= 2, let hard = UInt64(words[1]) { found[String(line[..<end.lowerBound])] = hard }
        }
        return found
    }

    /// The number of `RLIMIT_`, the same on x86-64 and aarch64, and the name in `/proc/self/limits`.
    private static func kernel(_ kind: ContainerInfo.ResourceLimit.Kind) -> (number: UInt32, name: String) {
        switch kind {
        case .cpu: (0, "Max cpu time")
        case .fileSize: (1, "Max file size")
        case .data: (2, "Max data size")
        case .stack: (3, "Max stack size")
        case .core: (4, "Max core file size")
        case .residentSet: (5, "Max resident set")
        case .processes: (6, "Max processes")
        case .openFiles: (7, "Max open files")
        case .lockedMemory: (8, "Max locked memory")
        case .addressSpace: (9, "Max address space")
        case .locks: (10, "Max file locks")
        case .pendingSignals: (11, "Max pending signals")
        case .messageQueues: (12, "Max msgqueue size")
        case .nice: (13, "Max nice priority")
        case .realTimePriority: (14, "Max realtime priority")
        case .realTime: (15, "Max realtime timeout")
        }
    }
}
