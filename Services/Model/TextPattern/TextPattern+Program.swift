extension TextPattern {
    /// A compiled pattern: instructions of a machine that is at many of them at once.
    struct Program: Sendable {
        enum Instruction: Sendable {
            /// This scalar, then the next instruction.
            case scalar(Unicode.Scalar)
            /// One that folds to this, then the next instruction.
            case folded(Unicode.Scalar)
            /// One of these, then the next instruction.
            case set(ScalarSet)
            /// The next instruction, if the place is such a one.
            case place(Place)
            case jump(Int)
            /// The next instruction, and that one.
            case fork(Int)
            case accept
        }

        /// Where something stands in a text.
        enum Place: Sendable { case start, end, lineStart, lineEnd, wordBoundary, noWordBoundary }

        private(set) var instructions: [Instruction] = []

        init(_ text: String) throws(Problem) {
            if text.utf8.count > TextPattern.maximumLength {
                throw Problem(
                    message: "it is \(text.utf8.count) bytes long, the limit is \(TextPattern.maximumLength)",
                    position: 1)
            }
            var parser = Parser(text)
            self.add(try parser.pattern())
            self.instructions.append(.accept)
        }

        private mutating func add(_ node: Node) {
            switch node.kind {
            case .empty: break
            case .one(let instruction): self.instructions.append(instruction)
            case .sequence(let parts): for part in parts { self.add(part) }
            case .choice(let parts): self.addChoice(parts)
            case .repeated(let part, let least, let most): self.addRepeated(part, least, most)
            }
        }

        private mutating func addChoice(_ parts: [Node]) {
            var jumps: [Int] = []
            for part in parts.dropLast() {
                let fork = self.instructions.count
                self.instructions.append(.fork(0))
                self.add(part)
                jumps.append(self.instructions.count)
                self.instructions.append(.jump(0))
                self.instructions[fork] = .fork(self.instructions.count)
            }
            self.add(parts[parts.count - 1])
            for jump in jumps { self.instructions[jump] = .jump(self.instructions.count) }
        }

        private mutating func addRepeated(_ part: Node, _ least: Int, _ most: Int?) {
            if part.size == 0 { return }
            guard let most else {
                if least == 0 {
                    let fork = self.instructions.count
                    self.instructions.append(.fork(0))
                    self.add(part)
                    self.instructions.append(.jump(fork))
                    self.instructions[fork] = .fork(self.instructions.count)
                    return
                }
                for _ in 1..<least { self.add(part) }
                let start = self.instructions.count
                self.add(part)
                self.instructions.append(.fork(start))
                return
            }
            for _ in 0..<least { self.add(part) }
            var forks: [Int] = []
            for _ in least..<most {
                forks.append(self.instructions.count)
                self.instructions.append(.fork(0))
                self.add(part)
            }
            for fork in forks { self.instructions[fork] = .fork(self.instructions.count) }
        }
    }
}

// MARK: Matching

extension TextPattern.Program {
    /// Whether the whole text leads to the end of the program.
    func matches(_ text: String, steps: inout Int) -> Bool {
        var machine = Machine(self)
        var previous: Unicode.Scalar?
        var iterator = text.unicodeScalars.makeIterator()
        var next = iterator.next()
        machine.enter(0, between: previous, and: next)
        machine.turn()
        while let scalar = next {
            if machine.current.isEmpty { break }
            previous = scalar
            next = iterator.next()
            machine.read(scalar, before: next)
        }
        steps += machine.steps
        return next == nil && machine.accepts
    }

    private struct Machine {
        let instructions: [Instruction]
        /// Where it is, but for those that read nothing.
        private(set) var current: [Int] = []
        private(set) var steps = 0
        private var coming: [Int] = []
        private var toEnter: [Int] = []
        /// By instruction: in which round it was entered last.
        private var entered: [Int]
        private var round = 1

        init(_ program: TextPattern.Program) {
            self.instructions = program.instructions
            self.entered = Array(repeating: 0, count: program.instructions.count)
        }

        var accepts: Bool {
            self.current.contains { if case .accept = self.instructions[$0] { true } else { false } }
        }

        /// Is at an instruction from now on, and at all that follow from it without reading.
        mutating func enter(_ instruction: Int, between previous: Unicode.Scalar?, and next: Unicode.Scalar?) {
            self.toEnter.append(instruction)
            while let index = self.toEnter.popLast() {
                if self.entered[index] == self.round { continue }
                self.entered[index] = self.round
                self.steps += 1
                switch self.instructions[index] {
                case .scalar, .folded, .set, .accept: self.coming.append(index)
                case .jump(let target): self.toEnter.append(target)
                case .fork(let target):
                    self.toEnter.append(target)
                    self.toEnter.append(index + 1)
                case .place(let place):
                    if place.isBetween(previous, next) { self.toEnter.append(index + 1) }
                }
            }
        }

        /// What was entered is where it is now.
        mutating func turn() {
            swap(&self.current, &self.coming)
            self.coming.removeAll(keepingCapacity: true)
            self.round += 1
        }

        mutating func read(_ scalar: Unicode.Scalar, before next: Unicode.Scalar?) {
            for index in self.current {
                self.steps += 1
                let isRead =
                    switch self.instructions[index] {
                    case .scalar(let wanted): wanted == scalar
                    case .folded(let wanted): wanted == scalar.folded
                    case .set(let set): set.contains(scalar)
                    case .place, .jump, .fork, .accept: false
                    }
                if isRead { self.enter(index + 1, between: scalar, and: next) }
            }
            self.turn()
        }
    }
}

extension TextPattern.Program.Place {
    fileprivate func isBetween(_ previous: Unicode.Scalar?, _ next: Unicode.Scalar?) -> Bool {
        switch self {
        case .start: previous == nil
        case .end: next == nil
        case .lineStart: previous == nil || previous == "\n"
        case .lineEnd: next == nil || next == "\n"
        case .wordBoundary: Self.isWord(previous) != Self.isWord(next)
        case .noWordBoundary: Self.isWord(previous) == Self.isWord(next)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        guard let value = scalar?.value else { return false }
        return value &- 0x30 < 10 || value &- 0x41 < 26 || value &- 0x61 < 26 || value == 0x5F
    }
}
