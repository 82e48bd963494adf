import Model
import Testing

@Suite("Resources")
struct ResourcesTests {
    @Test(
        "The text form reads back as it was written",
        arguments: [
            "cpus:2;mem:1024", "cpus:0.5;mem:32.125;disk:10;gpus:1", "ports:[31000-31009,32000-32000]",
            "cpus:1;licences:3;zones:{a,b}", "",
        ])
    func roundTrip(text: String) throws {
        #expect(try Resources(text: text).description == text)
    }

    @Test(
        "Text that is no amount is refused with the part that is wrong",
        arguments: [
            "cpus", "cpus:", "cpus:-1", "cpus:1.0001", "cpus:x", "cpus:nan", "cpus:1e3", "ports:[5-3]", "ports:[5]",
            "cpus:[1-2]", ":1", "mem:9999999999999999999", "mem:1000000001",
        ])
    func refused(text: String) {
        #expect(throws: Resources.Invalid.self) { try Resources(text: text) }
    }

    @Test("Sums and differences are exact to the thousandth")
    func exact() {
        var sum = Resources()
        for _ in 0..<1000 { sum += "cpus:0.001;mem:0.1" }
        #expect(sum == "cpus:1;mem:100")
        #expect(sum - "cpus:0.999" == "cpus:0.001;mem:100")
        #expect((sum - sum).isEmpty)
    }

    @Test("Ports are taken and given back as whole numbers")
    func ports() {
        let all: Resources = "cpus:1;ports:[100-199]"
        let taken: Resources = "ports:[110-119,150-150]"
        let rest: Resources = "cpus:1;ports:[100-109,120-149,151-199]"
        #expect(all.contains(taken))
        #expect(all - taken == rest)
        #expect(!rest.contains(taken))
        #expect(rest + taken == all)
        #expect(rest.isDisjoint(with: taken))
        #expect(!all.isDisjoint(with: taken))
    }

    @Test("Sets count each item once")
    func sets() {
        let all: Resources = "zones:{a,b,c}"
        #expect(all - "zones:{b}" == "zones:{a,c}")
        #expect(all.contains("zones:{a,c}"))
        #expect(!all.contains("zones:{d}"))
        #expect(all - "zones:{a,b,c}" == Resources())
    }

    @Test("A name is of one kind")
    func kinds() {
        var resources: Resources = "cpus:1;licences:3"
        #expect(throws: Resources.Invalid.self) { try resources.add(.set(["a"]), named: "licences") }
        #expect(throws: Resources.Invalid.self) { try resources.add(.ranges(.init([1...2])), named: "cpus") }
        #expect(throws: Resources.Invalid.self) { try resources.add(scalar: -1, named: "cpus") }
        #expect(throws: Resources.Invalid.self) { try resources.add(scalar: .max, named: "cpus") }
        #expect(resources == "cpus:1;licences:3")
    }

    @Test("Ranges agree with sets of whole numbers", arguments: 0..<200)
    func rangesAgainstSets(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func draw(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        func ranges() -> (IntegerRanges, Set<UInt64>) {
            let parts = (0..<draw(5)).map { _ -> ClosedRange<UInt64> in
                let low = draw(40)
                return low...(low + draw(8))
            }
            return (IntegerRanges(parts), Set(parts.flatMap { Array($0) }))
        }
        let (left, leftSet) = ranges()
        let (right, rightSet) = ranges()
        func numbers(_ ranges: IntegerRanges) -> Set<UInt64> { Set(ranges.ranges.flatMap { Array($0) }) }
        #expect(numbers(left) == leftSet)
        #expect(left.count == UInt64(leftSet.count))
        #expect(numbers(left.union(right)) == leftSet.union(rightSet))
        #expect(numbers(left.subtracting(right)) == leftSet.subtracting(rightSet))
        #expect(left.contains(right) == leftSet.isSuperset(of: rightSet))
        #expect(left.intersects(right) == !leftSet.isDisjoint(with: rightSet))
        for (range, next) in zip(left.ranges, left.ranges.dropFirst()) {
            #expect(range.upperBound + 1 < next.lowerBound, "ranges neither overlap nor touch")
        }
    }
}

@Suite("Time and fences")
struct TimeAndFenceTests {
    @Test("Foreign seconds that are no duration are refused")
    func foreignSeconds() {
        #expect(Duration(foreignSeconds: 1.5) == .milliseconds(1500))
        for seconds in [-1, .nan, .infinity, 1e17] { #expect(Duration(foreignSeconds: seconds) == nil) }
    }

    @Test("A refusal that is no duration means the default, a long one a year")
    func refusals() {
        #expect(OfferFilters(foreignSeconds: nil).refuse == .seconds(5))
        #expect(OfferFilters(foreignSeconds: -3).refuse == .seconds(5))
        #expect(OfferFilters(foreignSeconds: .nan).refuse == .seconds(5))
        #expect(OfferFilters(foreignSeconds: 0).refuse == .zero)
        #expect(OfferFilters(foreignSeconds: 1e15).refuse == OfferFilters.longestRefusal)
        #expect(OfferFilters(foreignSeconds: .infinity).refuse == OfferFilters.longestRefusal)
    }

    @Test("Instants far away do not overflow")
    func farAway() {
        #expect(Instant(nanoseconds: .max - 5) + .seconds(1) == .distantFuture)
        #expect(Instant(nanoseconds: 5) + .seconds(Int64.max) == .distantFuture)
    }

    @Test("Attachments compare by starts, then by connects; subscriptions by epoch, then by counter")
    func order() {
        #expect(Attachment(starts: 1, connects: 9) < Attachment(starts: 2, connects: 1))
        #expect(Attachment(starts: 2, connects: 1) < Attachment(starts: 2, connects: 2))
        #expect(
            Subscription(epoch: 1, counter: 9, token: []) < Subscription(epoch: 2, counter: 1, token: []))
    }
}
