internal import CMessages
internal import CProtobufC
internal import Model

/// Resources of the framework API: a list of `meseta.v1.Resource`, amounts as floating point.
extension MessageReader {
    /// Reads a list; several entries of one name are added up.
    ///
    /// Refuses what this version cannot keep exactly as it is: reserved, revocable and shared resources, special disks and
    /// resource providers, amounts that are no numbers or too fine or too large to count in thousandths.
    func resources(
        _ count: Int, _ items: UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__Resource>?>?,
        _ field: String = "resources"
    ) throws(MessageError) -> Resources {
        var resources = Resources()
        guard count > 0, let items else { return resources }
        for index in 0..<count {
            let item = items[index]!
            let name = try self.text(item.pointee.name, "\(field).name")
            guard !name.isEmpty else { throw self.invalid(field, "holds a resource without a name") }
            try self.checkPlain(item, "\(field)[\(name)]")
            let value = try self.value(of: item, "\(field)[\(name)]")
            do throws(Resources.Invalid) {
                try resources.add(value, named: name)
            } catch {
                throw self.invalid(field, "cannot be: \(error)")
            }
        }
        return resources
    }

    private func checkPlain(
        _ item: UnsafeMutablePointer<Meseta__V1__Resource>, _ field: @autoclosure () -> String
    ) throws(MessageError) {
        func refuse(_ isSet: Bool, _ name: String) throws(MessageError) {
            if isSet { throw self.invalid("\(field()).\(name)", "is set, which is not supported") }
        }
        try refuse(item.pointee.disk != nil, "disk")
        try refuse(item.pointee.reservation != nil, "reservation")
        try refuse(item.pointee.n_reservations > 0, "reservations")
        try refuse(item.pointee.revocable != nil, "revocable")
        try refuse(item.pointee.shared != nil, "shared")
        try refuse(item.pointee.provider_id != nil, "provider_id")
        if let role = try self.optionalText(item.pointee.role, "\(field()).role"), role != "*" {
            throw self.invalid("\(field()).role", "is '\(role)': reservations are not supported")
        }
    }

    private func value(
        of item: UnsafeMutablePointer<Meseta__V1__Resource>, _ field: @autoclosure () -> String
    ) throws(MessageError) -> Resources.Value {
        switch item.pointee.type {
        case MESETA__V1__VALUE__TYPE__SCALAR:
            let scalar = try self.required(item.pointee.scalar, "\(field()).scalar")
            return .scalar(try self.thousandths(scalar.pointee.value, field()))
        case MESETA__V1__VALUE__TYPE__RANGES:
            return .ranges(try self.ranges(try self.required(item.pointee.ranges, "\(field()).ranges"), field()))
        case MESETA__V1__VALUE__TYPE__SET:
            let set = try self.required(item.pointee.set, "\(field()).set")
            return .set(
                try self.distinct(try self.texts(set.pointee.n_item, set.pointee.item, field()), field()).sorted())
        default:
            throw self.invalid("\(field()).type", "is \(item.pointee.type.rawValue): must be SCALAR, RANGES or SET")
        }
    }

    func ranges(
        _ ranges: UnsafeMutablePointer<Meseta__V1__Value__Ranges>, _ field: @autoclosure () -> String
    ) throws(MessageError) -> IntegerRanges {
        let pairs = try self.list(ranges.pointee.n_range, ranges.pointee.range) { ($0.pointee.begin, $0.pointee.end) }
        return try IntegerRanges(pairs: pairs, self, field())
    }

    /// An amount in whole thousandths, rounded to the nearest.
    func thousandths(_ amount: Double, _ field: @autoclosure () -> String) throws(MessageError) -> Int64 {
        guard amount.isFinite else { throw self.invalid(field(), "is \(amount), which is no amount") }
        guard amount >= 0 else { throw self.invalid(field(), "is negative") }
        guard amount <= Double(Resources.scalarLimit / 1000) else { throw self.invalid(field(), "is too large") }
        let milli = Int64((amount * 1000).rounded())
        guard milli > 0 || amount == 0 else {
            throw self.invalid(
                field(), "is \(amount): amounts are counted in thousandths, and it is less than half of one")
        }
        return milli
    }
}

extension MessageArena {
    /// A repeated field of `meseta.v1.Resource`.
    ///
    /// With a role, each says that it is allocated to it.
    func resources(
        _ resources: Resources, allocatedTo role: String? = nil
    ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Meseta__V1__Resource>?>?) {
        let allocation = role.map { role in
            let allocation = self.make(Meseta__V1__Resource__AllocationInfo.self)
            allocation.pointee.role = self.text(role)
            return allocation
        }
        let list = self.array(4 + resources.others.count, of: UnsafeMutablePointer<Meseta__V1__Resource>?.self)
        var length = 0
        func add(_ name: String, _ fill: (UnsafeMutablePointer<Meseta__V1__Resource>) -> Void) {
            let resource = self.make(Meseta__V1__Resource.self)
            resource.pointee.name = self.text(name)
            resource.pointee.allocation_info = allocation
            fill(resource)
            list[length] = resource
            length += 1
        }
        func add(_ name: String, scalar milli: Int64) {
            if milli == 0 { return }
            add(name) { resource in
                resource.pointee.type = MESETA__V1__VALUE__TYPE__SCALAR
                resource.pointee.scalar = self.scalar(milli)
            }
        }
        add("cpus", scalar: resources.cpus)
        add("mem", scalar: resources.mem)
        add("disk", scalar: resources.disk)
        add("gpus", scalar: resources.gpus)
        for other in resources.others {
            switch other.value {
            case .scalar(let milli):
                add(other.name, scalar: milli)
            case .ranges(let ranges):
                add(other.name) { resource in
                    resource.pointee.type = MESETA__V1__VALUE__TYPE__RANGES
                    resource.pointee.ranges = self.ranges(ranges)
                }
            case .set(let strings):
                add(other.name) { resource in
                    resource.pointee.type = MESETA__V1__VALUE__TYPE__SET
                    resource.pointee.set = self.set(strings)
                }
            }
        }
        return (length, length > 0 ? list : nil)
    }

    func scalar(_ milli: Int64) -> UnsafeMutablePointer<Meseta__V1__Value__Scalar> {
        let scalar = self.make(Meseta__V1__Value__Scalar.self)
        scalar.pointee.value = Double(milli) / 1000
        return scalar
    }

    func ranges(_ ranges: IntegerRanges) -> UnsafeMutablePointer<Meseta__V1__Value__Ranges> {
        let c = self.make(Meseta__V1__Value__Ranges.self)
        c.pointee.n_range = ranges.ranges.count
        c.pointee.range = self.list(ranges.ranges) { range in
            let c = self.make(Meseta__V1__Value__Range.self)
            c.pointee.begin = range.lowerBound
            c.pointee.end = range.upperBound
            return c
        }
        return c
    }

    func set(_ items: [String]) -> UnsafeMutablePointer<Meseta__V1__Value__Set> {
        let c = self.make(Meseta__V1__Value__Set.self)
        c.pointee.n_item = items.count
        c.pointee.item = self.texts(items)
        return c
    }
}
