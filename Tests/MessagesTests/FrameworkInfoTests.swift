import Messages
import Model
import Testing

/// How a framework may describe itself.
struct FrameworkInfoTests {
    private func info(_ fields: Bytes...) throws -> FrameworkInfo {
        try FrameworkInfo(encoded: Raw.text(1, "u") + Raw.text(2, "n") + fields.flatMap { $0 })
    }

    private let multiRole = Raw.bytes(10, Raw.number(1, 6))

    private func refusal(_ fields: Bytes...) -> String? {
        let error = #expect(throws: MessageError.self) {
            try FrameworkInfo(encoded: Raw.text(1, "u") + Raw.text(2, "n") + fields.flatMap { $0 })
        }
        return error?.description
    }

    @Test("Without MULTI_ROLE a framework has one role, `*` unless it says otherwise")
    func oneRole() throws {
        #expect(try self.info().roles == ["*"])
        #expect(try self.info(Raw.text(6, "dev")).roles == ["dev"])
        #expect(self.refusal(Raw.text(12, "dev")) == "FrameworkInfo.roles is set: without MULTI_ROLE, use 'role'")
    }

    @Test("With MULTI_ROLE it has those of `roles`, each once")
    func manyRoles() throws {
        #expect(try self.info(self.multiRole, Raw.text(12, "dev"), Raw.text(12, "ops/a")).roles == ["dev", "ops/a"])
        #expect(
            self.refusal(self.multiRole, Raw.text(6, "dev"), Raw.text(12, "dev"))
                == "FrameworkInfo.role is set: with MULTI_ROLE, use 'roles'")
        #expect(
            self.refusal(self.multiRole) == "FrameworkInfo.roles is empty: with MULTI_ROLE, name at least one")
        #expect(
            self.refusal(self.multiRole, Raw.text(12, "dev"), Raw.text(12, "dev"))
                == "FrameworkInfo.roles holds 'dev' twice")
    }

    @Test(
        "Names that cannot be roles are refused",
        arguments: [
            "", "/a", "a/", "a//b", "/", ".", "..", "a/..", "a/./b", "a/*", "-a", "a/-b", "a b", "a\tb", "a\u{7f}",
            "a\u{1}",
        ])
    func badRoles(role: String) {
        _ = self.refusal(Raw.text(6, role))
        _ = self.refusal(self.multiRole, Raw.text(12, role))
    }

    @Test("Names that can be roles are taken", arguments: ["*", "a", "a/b", "a.b", "a-b", "...", "über"])
    func goodRoles(role: String) throws { #expect(try self.info(Raw.text(6, role)).roles == [role]) }

    @Test("A failover timeout that is no length of time is refused", arguments: [-1, 1e17, .infinity])
    func badTimeouts(seconds: Double) { _ = self.refusal(Raw.double(4, seconds)) }

    @Test("A failover timeout keeps its fractions")
    func timeouts() throws {
        #expect(try self.info().failoverTimeout == .zero)
        #expect(try self.info(Raw.double(4, 1.001)).failoverTimeout == .milliseconds(1001))
    }

    @Test("Capabilities that this version does not know are passed over")
    func capabilities() throws {
        let info = try self.info(
            Raw.bytes(10, Raw.number(1, 5)), Raw.bytes(10, Raw.number(1, 77)), Raw.bytes(10, Raw.number(1, 0)),
            Raw.bytes(10, []))
        #expect(info.capabilities == [.partitionAware])
    }

    @Test("Filters on offers say what an offer must hold, for the framework's own roles")
    func offerFilters() throws {
        func filter(_ role: String, _ quantities: [(String, Double)]?) -> Bytes {
            let entries = quantities?.flatMap { name, amount in
                Raw.bytes(1, Raw.text(1, name) + Raw.bytes(2, Raw.double(1, amount)))
            }
            let minimum = entries.map { Raw.bytes(1, Raw.bytes(1, $0)) } ?? []
            return Raw.bytes(13, Raw.text(1, role) + Raw.bytes(2, minimum))
        }
        let info = try self.info(Raw.text(6, "dev"), filter("dev", [("cpus", 2), ("mem", 512)]))
        #expect(info.minimumOffers == ["dev": ["cpus:2;mem:512"]])
        #expect(try self.info(filter("*", nil)).minimumOffers == [:])
        let anything = Raw.bytes(13, Raw.text(1, "*") + Raw.bytes(2, Raw.bytes(1, [])))
        #expect(try self.info(anything).minimumOffers == ["*": []])
        _ = self.refusal(filter("dev", [("cpus", 2)]))
        _ = self.refusal(filter("*", [("cpus", -2)]))
        _ = self.refusal(filter("*", [("cpus", .nan)]))
    }
}
