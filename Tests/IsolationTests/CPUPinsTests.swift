import Model
import Testing

@testable import Isolation

@Suite struct CPUPinsTests {
    private var pins = CPUPins([0, 1, 2, 3])

    @Test("Whole cpus are processors of one container alone, the others share what is left")
    mutating func whole() {
        self.pins.set(1, milliCPU: 500)
        #expect(self.pins.processors(of: 1) == [0, 1, 2, 3])
        self.pins.set(2, milliCPU: 2000)
        #expect(self.pins.owned(by: 2) == [2, 3])
        self.pins.set(3, milliCPU: 1500)
        self.pins.set(4, milliCPU: 0)
        for run in [1, 3, 4] as [RunID] {
            #expect(self.pins.owned(by: run) == nil)
            #expect(self.pins.processors(of: run) == [0, 1])
            #expect(self.pins.missing(run) == 0)
        }
        self.pins.end(2)
        #expect(self.pins.processors(of: 1) == [0, 1, 2, 3])
    }

    @Test("One processor stays for all: who finds too few shares, and gets his when others end")
    mutating func tooFew() {
        self.pins.set(1, milliCPU: 2000)
        self.pins.set(2, milliCPU: 2000)
        self.pins.set(3, milliCPU: 1000)
        self.pins.set(4, milliCPU: 4000)
        #expect(self.pins.owned(by: 1) == [2, 3])
        #expect(self.pins.processors(of: 2) == [0])
        #expect(self.pins.missing(2) == 2)
        #expect(self.pins.owned(by: 3) == [1])
        #expect(self.pins.missing(4) == 4)
        self.pins.end(1)
        #expect(self.pins.owned(by: 2) == [2, 3])
        #expect(self.pins.owned(by: 3) == [1])
        self.pins.end(2)
        self.pins.end(3)
        #expect(self.pins.missing(4) == 4, "all there are is one too many")
    }

    @Test("A change of cpus keeps what a container has already")
    mutating func change() {
        self.pins.set(1, milliCPU: 1000)
        self.pins.set(2, milliCPU: 1000)
        #expect(self.pins.owned(by: 1) == [3])
        self.pins.end(2)
        self.pins.set(1, milliCPU: 3000)
        #expect(self.pins.owned(by: 1) == [1, 2, 3])
        self.pins.set(1, milliCPU: 2000)
        #expect(self.pins.owned(by: 1) == [2, 3])
        self.pins.set(2, milliCPU: 1000)
        self.pins.set(1, milliCPU: 3000)
        #expect(self.pins.owned(by: 1) == nil, "one more is not free: all or none")
        #expect(self.pins.shared == [0, 2, 3])
        self.pins.set(1, milliCPU: 1100)
        #expect(self.pins.missing(1) == 0)
    }

    @Test("After a restart containers keep their processors, in whatever order they are found")
    func found() {
        let wishes: [(RunID, Int64)] = [(1, 1500), (2, 1000), (3, 500), (4, 1000)]
        for turn in 0..<4 {
            var pins = CPUPins([0, 1, 2, 3])
            for (run, milliCPU) in wishes { pins.set(run, milliCPU: milliCPU) }
            let lists = Dictionary(uniqueKeysWithValues: wishes.map { ($0.0, pins.processors(of: $0.0)) })
            var again = CPUPins([0, 1, 2, 3])
            again.find(lists)
            for (run, list) in lists { #expect(again.processors(of: run) == list) }
            for (run, milliCPU) in wishes[turn...] + wishes[..<turn] {
                again.set(run, milliCPU: milliCPU)
                for (run, list) in lists { #expect(again.processors(of: run) == list) }
            }
        }
    }

    @Test("After a restart the only one that shares is told by its cpus, if its processors look like its own")
    func foundAlone() {
        for order in [[1, 2], [2, 1]] as [[RunID]] {
            var pins = CPUPins([0, 1, 2, 3])
            pins.find([1: [0, 1], 2: [2, 3]])
            for run in order { pins.set(run, milliCPU: run == 1 ? 1500 : 2000) }
            #expect(pins.owned(by: 1) == nil)
            #expect(pins.owned(by: 2) == [2, 3])
        }
        var pins = CPUPins([0, 1])
        // Of a life on a larger machine, and one that had no limits.
        pins.find([1: [7, 8], 2: [], 3: [1]])
        for run in 1...RunID(3) { pins.set(run, milliCPU: 1000) }
        #expect(pins.owned(by: 3) == [1])
        #expect(pins.processors(of: 1) == [0] && pins.processors(of: 2) == [0])
    }

    @Test("No processor is ever two containers' own, and one is always left for the others", arguments: 0..<50)
    func never(seed: UInt64) {
        var random = SeededGenerator(key: [seed, 1, 2, 3])
        let all = Set(0..<Int.random(in: 1...9, using: &random))
        var pins = CPUPins(all)
        for _ in 0..<200 {
            let run = RunID.random(in: 1...8, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6: pins.set(run, milliCPU: Int64.random(in: 0...8, using: &random) * 500)
            case 6..<9: pins.end(run)
            default:
                let lists = (1...RunID(8)).map { ($0, pins.processors(of: $0)) }
                pins = CPUPins(all)
                pins.find(Dictionary(uniqueKeysWithValues: lists))
            }
            let owned = (1...RunID(8)).compactMap { pins.owned(by: $0) }
            #expect(owned.map(\.count).reduce(0, +) == Set(owned.joined()).count)
            #expect(!pins.shared.isEmpty)
        }
    }

    @Test("Lists of processors are read and written as the kernel does", arguments: ["", "0", "0-3", "0,2-3,5,7-9"])
    func lists(text: String) {
        #expect(ProcessorList.text(ProcessorList.numbers(in: text + "\n")) == text)
    }
}
