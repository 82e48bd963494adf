internal import Model

/// The disks' time by weight, in proportion to `cpus`, and if wanted a bound on what is read and written in a second.
///
/// Weights let a container use what others leave idle. They count where the disk has a scheduler that knows them; the
/// bound counts on every disk. Version 1 sees what is read, and what is written past the file cache (`O_DIRECT`); what
/// the kernel writes out of the cache later is nobody's there. Version 2 counts that too, on ext4, XFS and btrfs.
struct IOIsolation: IsolationModule {
    let name = IsolationName.cgroupIO.rawValue
    private let hierarchy: CgroupHierarchy
    private let weight: Weight?
    private let limit: IOLimit?
    /// Of the agent's directory; nil if it is on none, and no limit is wanted.
    private let device: BlockDevice?

    /// The weight of one core.
    ///
    /// The kernel's default for a group.
    private static let weightPerCore: Int64 = 100
    /// `<bytes read> <bytes written> <reads> <writes>`: counted in a group of version 1 before its container came.
    private static let attribute = "trusted.meseta.io"

    /// A file for weights, and what it takes.
    private struct Weight {
        let file: String
        let range: ClosedRange<Int64>
    }

    private static let separateWeights = [
        Weight(file: "blkio.bfq.weight", range: 1...1000), Weight(file: "blkio.weight", range: 10...1000),
    ]
    private static let unifiedWeights = [
        Weight(file: "io.weight", range: 1...10_000), Weight(file: "io.bfq.weight", range: 1...1000),
    ]

    /// - Parameters:
    ///   - group: The agent's own, which shows what the kernel has.
    ///   - directory: The agent's, whose disk is bounded.
    /// - Throws: If there would be nothing to do, or the disk cannot be bounded.
    init(
        _ hierarchy: CgroupHierarchy, group: String, limit: IOLimit?, directory: String?, remark: (String) -> Void
    ) throws(IsolationError) {
        self.hierarchy = hierarchy
        self.limit = limit
        let weights = hierarchy.version == 2 ? Self.unifiedWeights : Self.separateWeights
        self.weight = weights.first { Files.text("\(group)/\($0.file)") != nil }
        if limit != nil {
            guard let directory else { throw IsolationError("a limit is wanted, and no directory to find the disk by") }
            self.device = try BlockDevice.holding(directory)
        } else {
            self.device = directory.flatMap { try? BlockDevice.holding($0) }
        }
        if self.weight == nil, limit == nil {
            throw IsolationError("this kernel has no weights for disks, and without --io-limit nothing else is wanted")
        }
        if let doubt = self.doubt { remark(doubt) }
    }

    /// Why weights count for nothing now; nil if they do, or nobody can tell.
    private var doubt: String? {
        guard let weight else { return "cgroup-io: this kernel has no weights for disks; the limit alone holds" }
        guard let device, let scheduler = device.scheduler, scheduler != "bfq" else { return nil }
        let costs = weight.file == "io.weight" ? Files.text(self.hierarchy.mount + "/io.cost.qos") ?? "" : ""
        let isCosted = costs.split(separator: "\n").contains {
            $0.hasPrefix(device.number + " ") && $0.contains("enable=1")
        }
        if isCosted { return nil }
        return "cgroup-io: disk \(device.number) has the scheduler \"\(scheduler)\", which knows no weights: "
            + "they count once it is \"bfq\""
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        // A container from before this module was on has no group, and no limit.
        guard let directory = run.directory(in: self.hierarchy), Files.isDirectory(directory) else { return }
        do throws(SystemError) {
            if let weight {
                let value = resources.cpus * Self.weightPerCore / 1000
                let bounded = min(max(value, weight.range.lowerBound), weight.range.upperBound)
                try Files.write("\(bounded)", to: "\(directory)/\(weight.file)")
            }
            if let limit { try self.bound(directory, by: limit) }
        } catch {
            throw IsolationError("cannot set the limits of disk input and output: \(error)")
        }
    }

    private func bound(_ directory: String, by limit: IOLimit) throws(SystemError) {
        guard let device else { return }
        if self.hierarchy.version == 2 {
            let parts = [
                ("rbps", limit.readBytes), ("wbps", limit.writeBytes), ("riops", limit.reads), ("wiops", limit.writes),
            ]
            let text = parts.map { name, value in "\(name)=\(value.map { "\($0)" } ?? "max")" }
            try Files.write("\(device.number) \(text.joined(separator: " "))", to: directory + "/io.max")
        } else {
            let parts = [
                ("read_bps", limit.readBytes), ("write_bps", limit.writeBytes), ("read_iops", limit.reads),
                ("write_iops", limit.writes),
            ]
            for (name, value) in parts {
                // No bound is 0 there.
                try Files.write("\(device.number) \(value ?? 0)", to: "\(directory)/blkio.throttle.\(name)_device")
            }
        }
    }

    /// What an earlier life bounded, and this one does not.
    func recover(_ runs: [CgroupRun]) {
        guard self.limit == nil else { return }
        for run in runs {
            guard let directory = run.directory(in: self.hierarchy) else { continue }
            // A container that has no group from here has no bound either.
            try? self.bound(directory, by: IOLimit())
        }
    }

    /// The counts cannot be set to zero: what they begin with is written beside them.
    func reset(_ run: CgroupRun) -> Bool {
        guard self.hierarchy.version == 1, let directory = run.directory(in: self.hierarchy),
            let counts = Self.separateCounts(directory)
        else { return false }
        let text = "\(counts.readBytes) \(counts.writtenBytes) \(counts.reads) \(counts.writes)"
        return (try? Files.setAttribute(Self.attribute, of: directory, to: text)) != nil
    }

    func addUsage(of run: CgroupRun, to usage: inout ContainerUsage) {
        guard let directory = run.directory(in: self.hierarchy) else { return }
        if self.hierarchy.version == 2 {
            usage.io = Files.text(directory + "/io.stat").map(IOCounts.init(unified:))
        } else if let counts = Self.separateCounts(directory) {
            let before = (Files.attribute(Self.attribute, of: directory) ?? "").split(separator: " ")
            usage.io = counts.since(before.compactMap { UInt64($0) })
        }
    }

    private static func separateCounts(_ directory: String) -> IOCounts? {
        guard let bytes = Files.text(directory + "/blkio.throttle.io_service_bytes"),
            let operations = Files.text(directory + "/blkio.throttle.io_serviced")
        else { return nil }
        return IOCounts(bytes: bytes, operations: operations)
    }
}

extension IOCounts {
    /// `254:0 Read 4096`, a line for each disk and kind, and at the end a sum.
    init(bytes: String, operations: String) {
        func sum(_ kind: String, _ text: String) -> UInt64 {
            text.split(separator: "\n").reduce(0) { sum, line in
                let words = line.split(separator: " ")
                guard words.count == 3, words[1] == kind else { return sum }
                return sum &+ (UInt64(words[2]) ?? 0)
            }
        }
        self.init(
            readBytes: sum("Read", bytes), writtenBytes: sum("Write", bytes), reads: sum("Read", operations),
            writes: sum("Write", operations))
    }

    /// `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`, a line for each disk.
    init(unified text: String) {
        self.init()
        for field in text.split(whereSeparator: \.isWhitespace) {
            let sides = field.split(separator: "=")
            guard sides.count == 2, let value = UInt64(sides[1]) else { continue }
            switch sides[0] {
            case "rbytes": self.readBytes &+= value
            case "wbytes": self.writtenBytes &+= value
            case "rios": self.reads &+= value
            case "wios": self.writes &+= value
            default: break
            }
        }
    }

    /// What came after four counts of before, in the order of the fields; all of it if they are not four.
    func since(_ before: [UInt64]) -> IOCounts {
        guard before.count == 4 else { return self }
        return IOCounts(
            readBytes: self.readBytes - min(before[0], self.readBytes),
            writtenBytes: self.writtenBytes - min(before[1], self.writtenBytes),
            reads: self.reads - min(before[2], self.reads), writes: self.writes - min(before[3], self.writes))
    }
}
