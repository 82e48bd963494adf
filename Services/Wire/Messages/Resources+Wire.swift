internal import CMessages
internal import CProtobufC
internal import Model

/// Resources between our services: thousandths, the four common ones in fields of their own.
extension Resources {
    /// The largest scalar of a sum over many agents.
    static let sumLimit: Int64 = 1 << 60

    /// Reads amounts of one agent, or with a higher limit, sums over many.
    ///
    /// In a sum, a scalar beyond the four is held at `scalarLimit`.
    init(
        _ c: UnsafeMutablePointer<Meseta__Wire__ResourceVector>?, _ reader: MessageReader, _ field: String,
        limit: Int64 = Self.scalarLimit
    ) throws(MessageError) {
        self.init()
        guard let vector = c?.pointee else { return }
        guard min(vector.cpus, vector.mem, vector.disk, vector.gpus) >= 0 else {
            throw reader.invalid(field, "is negative")
        }
        guard max(vector.cpus, vector.mem, vector.disk, vector.gpus) <= limit else {
            throw reader.invalid(field, "is too large")
        }
        self.init(milliCPU: vector.cpus, milliMB: vector.mem, milliMBDisk: vector.disk, milliGPU: vector.gpus)
        guard vector.n_others > 0, let others = vector.others else { return }
        for index in 0..<vector.n_others {
            let entry = others[index]!
            let name = try reader.text(entry.pointee.name, "\(field).name")
            var value = try Value(entry, reader, field)
            if limit > Self.scalarLimit, case .scalar(let milli) = value {
                value = .scalar(min(milli, Self.scalarLimit))
            }
            do throws(Invalid) {
                try self.add(value, named: name)
            } catch {
                throw reader.invalid(field, "cannot be: \(error)")
            }
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__ResourceVector> {
        let c = arena.make(Meseta__Wire__ResourceVector.self)
        c.pointee.cpus = self.cpus
        c.pointee.mem = self.mem
        c.pointee.disk = self.disk
        c.pointee.gpus = self.gpus
        c.pointee.n_others = self.others.count
        c.pointee.others = arena.list(self.others) { $0.c(in: arena) }
        return c
    }
}

extension Resources.Value {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__ResourceEntry>, _ reader: MessageReader, _ field: String)
        throws(MessageError)
    {
        let entry = c.pointee
        guard entry.n_bounds == 0 || entry.n_items == 0, entry.milli == 0 || entry.n_bounds + entry.n_items == 0 else {
            throw reader.invalid(field, "is of more than one kind")
        }
        if entry.n_bounds > 0 {
            guard entry.n_bounds % 2 == 0 else { throw reader.invalid(field, "has a range without an end") }
            let pairs = (0..<entry.n_bounds / 2).map { (entry.bounds[2 * $0], entry.bounds[2 * $0 + 1]) }
            self = .ranges(try IntegerRanges(pairs: pairs, reader, field))
        } else if entry.n_items > 0 {
            let items = try reader.texts(entry.n_items, entry.items, field)
            self = .set(try reader.distinct(items, field).sorted())
        } else {
            self = .scalar(entry.milli)
        }
    }
}

extension Resources.Named {
    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__ResourceEntry> {
        let c = arena.make(Meseta__Wire__ResourceEntry.self)
        c.pointee.name = arena.text(self.name)
        switch self.value {
        case .scalar(let milli):
            c.pointee.milli = milli
        case .ranges(let ranges):
            c.pointee.n_bounds = 2 * ranges.ranges.count
            c.pointee.bounds = arena.array(2 * ranges.ranges.count, of: UInt64.self)
            for (index, range) in ranges.ranges.enumerated() {
                c.pointee.bounds[2 * index] = range.lowerBound
                c.pointee.bounds[2 * index + 1] = range.upperBound
            }
        case .set(let items):
            c.pointee.n_items = items.count
            c.pointee.items = arena.texts(items)
        }
        return c
    }
}

extension IntegerRanges {
    /// Ranges as first and last: none may end before it begins, or have something in common with another.
    init(
        pairs: [(UInt64, UInt64)], _ reader: MessageReader, _ field: @autoclosure () -> String
    ) throws(MessageError) {
        var ranges: [ClosedRange<UInt64>] = []
        ranges.reserveCapacity(pairs.count)
        for (first, last) in pairs {
            guard first <= last else { throw reader.invalid(field(), "has a range that ends before it begins") }
            ranges.append(first...last)
        }
        ranges.sort { $0.lowerBound < $1.lowerBound }
        for (range, next) in zip(ranges, ranges.dropFirst()) where range.upperBound >= next.lowerBound {
            throw reader.invalid(field(), "has ranges that overlap")
        }
        self.init(ranges)
    }
}

extension MessageReader {
    /// Texts of which none may be there twice.
    func distinct(_ texts: [String], _ field: @autoclosure () -> String) throws(MessageError) -> [String] {
        if texts.count < 2 { return texts }
        var seen: Set<String> = []
        for text in texts where !seen.insert(text).inserted {
            throw self.invalid(field(), "holds '\(text)' twice")
        }
        return texts
    }

    /// Resources of the kind that all our services write.
    func resources(
        _ c: UnsafeMutablePointer<Meseta__Wire__ResourceVector>?, _ field: String
    ) throws(MessageError) -> Resources {
        try Resources(c, self, field)
    }

    /// Resources of many agents together.
    func sum(
        _ c: UnsafeMutablePointer<Meseta__Wire__ResourceVector>?, _ field: String
    ) throws(MessageError) -> Resources {
        try Resources(c, self, field, limit: Resources.sumLimit)
    }

    func attachment(_ c: UnsafeMutablePointer<Meseta__Wire__Attachment>?) throws(MessageError) -> Attachment {
        let c = try self.required(c, "attachment")
        return Attachment(starts: c.pointee.starts, connects: c.pointee.connects)
    }

    func taskKey(
        _ framework: UnsafePointer<CChar>?, _ task: UnsafePointer<CChar>?
    ) throws(MessageError) -> TaskKey {
        TaskKey(try self.id(framework, "framework_id"), try self.id(task, "task_id"))
    }

    func executorKey(
        _ framework: UnsafePointer<CChar>?, _ executor: UnsafePointer<CChar>?
    ) throws(MessageError) -> ExecutorKey {
        ExecutorKey(try self.id(framework, "framework_id"), try self.id(executor, "executor_id"))
    }
}

extension Attachment {
    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__Attachment> {
        let c = arena.make(Meseta__Wire__Attachment.self)
        c.pointee.starts = self.starts
        c.pointee.connects = self.connects
        return c
    }
}
