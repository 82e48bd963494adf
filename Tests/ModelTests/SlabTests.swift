import Model
import Testing

@Suite("Tables and random numbers")
struct SlabTests {
    @Test("An index names its row until the row is removed, and is used again then")
    func indices() {
        var slab = Slab<String>()
        #expect([slab.insert("a"), slab.insert("b"), slab.insert("c")] == [0, 1, 2])
        #expect(slab.remove(1) == "b")
        #expect(slab.count == 2 && !slab.contains(1) && slab.row(1) == nil && slab.row(9) == nil)
        #expect(slab.insert("d") == 1)
        slab[1] += "!"
        #expect(slab[1] == "d!")
        #expect(slab.indices == [0, 1, 2] && slab.endIndex == 3)
    }

    @Test("Rows are walked through in the order of their indices, whatever came and went")
    func order() {
        var slab = Slab<Int>()
        for number in 0..<10 { slab.insert(number) }
        for index in [7, 2, 4] as [UInt32] { slab.remove(index) }
        #expect(slab.map(\.index) == [0, 1, 3, 5, 6, 8, 9])
        #expect([slab.insert(10), slab.insert(11), slab.insert(12), slab.insert(13)] == [4, 2, 7, 10])
        #expect(slab.map(\.element) == [0, 1, 11, 3, 10, 5, 6, 12, 8, 9, 13])
        #expect(Slab<Int>().isEmpty)
    }

    @Test("The generator gives the stream of its key: the first test vector of RFC 8439")
    func stream() {
        var generator = SeededGenerator(key: [0, 0, 0, 0])
        let bytes = generator.bytes(16)
        #expect(
            bytes == [
                0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
            ])
        var (first, second) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        #expect((0..<100).map { _ in first.next() } == (0..<100).map { _ in second.next() })
    }
}
