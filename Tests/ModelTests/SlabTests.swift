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

    @Test("A copy is another table, and a walk sees the table as it was")
    func copies() {
        var slab = Slab<[Int]>()
        for number in 0..<9 { slab.insert([number]) }
        slab.remove(3)
        let before = slab
        slab[5].append(50)
        slab.remove(0)
        #expect(slab.insert([90]) == 0 && slab.insert([91]) == 3 && slab.insert([92]) == 9)
        #expect(before.map(\.element) == [[0], [1], [2], [4], [5], [6], [7], [8]])
        #expect(slab.map(\.element) == [[90], [1], [2], [91], [4], [5, 50], [6], [7], [8], [92]])
        var walked: [UInt32] = []
        for (index, _) in slab {
            walked.append(index)
            if index == 1 { slab.remove(4) }
        }
        #expect(walked == Array(0...9) && !slab.contains(4))
    }

    @Test("What a row held is let go when it is removed, and with the table")
    func lifetimes() {
        final class Held {}
        var slab = Slab<Held>()
        weak var (first, second): (Held?, Held?)
        do {
            let (one, two) = (Held(), Held())
            (first, second) = (one, two)
            slab.insert(one)
            slab.insert(two)
            for _ in 0..<20 { slab.insert(Held()) }
        }
        #expect(first != nil && second != nil)
        slab.remove(0)
        #expect(first == nil && second != nil)
        slab = Slab()
        #expect(second == nil)
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
