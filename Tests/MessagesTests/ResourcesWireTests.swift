import Messages
import Model
import Testing

/// Amounts of the framework API: floating point and lists outside, exact and in one form inside.
struct ResourcesWireTests {
    /// A task with these `meseta.v1.Resource`s.
    private func read(_ resources: [Bytes]) throws -> Resources {
        try TaskInfo(
            encoded: Raw.text(1, "n") + Raw.id(2, "t") + Raw.id(3, "a") + resources.flatMap { Raw.bytes(4, $0) }
        ).resources
    }

    private func reason(_ resources: [Bytes]) -> String? {
        let error = #expect(throws: MessageError.self) { try self.read(resources) }
        return error?.description
    }

    private func scalar(_ name: String, _ value: Double, _ more: Bytes = []) -> Bytes {
        Raw.text(1, name) + Raw.number(2, 0) + Raw.bytes(3, Raw.double(1, value)) + more
    }

    private func ranges(_ name: String, _ ranges: [(UInt64, UInt64)]) -> Bytes {
        let list = ranges.flatMap { Raw.bytes(1, Raw.number(1, $0.0) + Raw.number(2, $0.1)) }
        return Raw.text(1, name) + Raw.number(2, 1) + Raw.bytes(4, list)
    }

    private func set(_ name: String, _ items: [String]) -> Bytes {
        Raw.text(1, name) + Raw.number(2, 2) + Raw.bytes(5, items.flatMap { Raw.text(1, $0) })
    }

    @Test("Amounts are counted in whole thousandths, rounded to the nearest")
    func rounding() throws {
        #expect(try self.read([self.scalar("cpus", 0.1)]) == "cpus:0.1")
        #expect(try self.read([self.scalar("cpus", 0.1 + 0.2)]) == "cpus:0.3")
        #expect(try self.read([self.scalar("cpus", 1.0004999)]) == "cpus:1")
        #expect(try self.read([self.scalar("cpus", 1.0005001)]) == "cpus:1.001")
        #expect(try self.read([self.scalar("cpus", 0.0005)]) == "cpus:0.001")
        #expect(try self.read([self.scalar("mem", 1e9)]) == Resources(milliCPU: 0, milliMB: 1_000_000_000_000))
    }

    @Test("Zero and empty amounts are no resources")
    func zero() throws {
        #expect(try self.read([self.scalar("cpus", 0), self.scalar("mem", -0.0), self.ranges("ports", [])]).isEmpty)
        #expect(try self.read([]).isEmpty)
    }

    @Test("Several entries of one name are added up")
    func merging() throws {
        let resources = try self.read([
            self.scalar("cpus", 1), self.ranges("ports", [(10, 20)]), self.scalar("cpus", 0.5),
            self.ranges("ports", [(21, 30), (40, 40)]), self.set("zones", ["b"]), self.set("zones", ["a"]),
        ])
        #expect(resources == "cpus:1.5;ports:[10-30,40-40];zones:{a,b}")
    }

    @Test(
        "Amounts that are no amounts are refused",
        arguments: [Double.nan, .infinity, -.infinity, -1, -0.001, 1e10, 1e300])
    func badScalars(value: Double) { _ = self.reason([self.scalar("cpus", value)]) }

    @Test("An amount that would be rounded away is refused, and says so")
    func tooFine() {
        let reason = self.reason([self.scalar("cpus", 0.0001)])
        #expect(reason?.hasPrefix("TaskInfo.resources[cpus] is 0.0001: amounts are counted in thousandths") == true)
    }

    @Test("Ranges that overlap or end before they begin are refused, and sets that repeat themselves")
    func badRangesAndSets() {
        #expect(
            self.reason([self.ranges("ports", [(10, 20), (20, 30)])])
                == "TaskInfo.resources[ports] has ranges that overlap")
        #expect(
            self.reason([self.ranges("ports", [(20, 10)])])
                == "TaskInfo.resources[ports] has a range that ends before it begins")
        #expect(self.reason([self.set("zones", ["a", "a"])]) == "TaskInfo.resources[zones] holds 'a' twice")
        _ = self.reason([self.ranges("ports", [(10, 20)]), self.ranges("ports", [(15, 16)])])
    }

    @Test("A kind that does not go with the name is refused")
    func kinds() {
        _ = self.reason([self.ranges("cpus", [(1, 2)])])
        _ = self.reason([self.scalar("x", 1), self.set("x", ["a"])])
        #expect(
            self.reason([Raw.text(1, "x") + Raw.number(2, 3)])
                == "TaskInfo.resources[x].type is 3: must be SCALAR, RANGES or SET")
        #expect(self.reason([Raw.text(1, "x") + Raw.number(2, 0)]) == "TaskInfo.resources[x].scalar is missing")
        #expect(self.reason([Raw.number(2, 0)]) == "TaskInfo.resources.name is missing")
        #expect(self.reason([self.scalar("", 1)]) == "TaskInfo.resources holds a resource without a name")
    }

    @Test(
        "What this version cannot keep as it is, is refused by name",
        arguments: [
            (7, "disk"), (8, "reservation"), (9, "revocable"), (10, "shared"), (13, "reservations"),
        ])
    func unsupported(field: UInt64, name: String) {
        let reason = self.reason([self.scalar("disk", 1, Raw.bytes(field, []))])
        #expect(reason == "TaskInfo.resources[disk].\(name) is set, which is not supported")
    }

    @Test("A provider and an old reservation are refused; the role `*` and an allocation are not")
    func roles() throws {
        #expect(
            self.reason([self.scalar("cpus", 1, Raw.id(12, "p"))])
                == "TaskInfo.resources[cpus].provider_id is set, which is not supported")
        #expect(
            self.reason([self.scalar("cpus", 1, Raw.text(6, "dev"))])
                == "TaskInfo.resources[cpus].role is 'dev': reservations are not supported")
        let unreserved = Raw.text(6, "*") + Raw.bytes(11, Raw.text(1, "dev"))
        #expect(try self.read([self.scalar("cpus", 1, unreserved)]) == "cpus:1")
    }

    @Test("Resources between services: negative, contradictory and too large ones are refused")
    func vectors() throws {
        func read(_ vector: Bytes) throws -> MasterToAllocator {
            try MasterToAllocator(encoded: Raw.bytes(7, Raw.bytes(4, vector)))
        }
        func entry(_ fields: Bytes) -> Bytes { Raw.bytes(5, Raw.text(1, "x") + fields) }
        // sint64: 1 is -1, 2 is 1.
        #expect(throws: MessageError(.invalid(field: "resources", reason: "is negative"), in: "Held")) {
            try read(Raw.number(1, 1))
        }
        #expect(throws: MessageError.self) { try read(Raw.number(2, 4_000_000_000_000)) }
        #expect(throws: MessageError.self) { try read(entry(Raw.number(2, 1))) }
        #expect(throws: MessageError.self) { try read(entry(Raw.bytes(3, [1, 2, 3]))) }
        #expect(throws: MessageError.self) { try read(entry(Raw.bytes(3, [2, 1]))) }
        #expect(throws: MessageError.self) { try read(entry(Raw.bytes(3, [1, 2]) + Raw.text(4, "a"))) }
        #expect(throws: MessageError.self) { try read(entry(Raw.number(2, 2) + Raw.text(4, "a"))) }
        #expect(throws: MessageError.self) { try read(Raw.bytes(5, Raw.text(1, "") + Raw.number(2, 2))) }
        guard case .held(let holding) = try read(entry(Raw.number(2, 2))) else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(holding.resources == "x:0.001")
    }

    @Test("Totals of a whole cluster may be larger than any agent is")
    func sums() throws {
        var status = ClusterStatus()
        let large = Resources(milliCPU: 1_000_000_000_000, milliMB: 1_000_000_000_000)
        for _ in 0..<1000 { status.total += large }
        let response = OperatorResponse(id: 1, .status(status))
        #expect(try OperatorResponse(encoded: response.encoded()) == response)
    }
}
