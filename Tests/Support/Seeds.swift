/// Does something for each seed, so many at a time.
///
/// - Returns: What came of it, in the order of the seeds.
/// - Throws: What the first that failed has thrown.
public func forEachSeed<Outcome: Sendable>(
    _ seeds: Range<UInt64>, jobs: Int, _ run: @escaping @Sendable (UInt64) throws -> Outcome
) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: (UInt64, Outcome).self) { group in
        var outcomes: [UInt64: Outcome] = [:]
        var next = seeds.lowerBound
        func add() {
            guard next < seeds.upperBound else { return }
            let seed = next
            next += 1
            group.addTask { (seed, try run(seed)) }
        }
        for _ in 0..<jobs { add() }
        for try await (seed, outcome) in group {
            outcomes[seed] = outcome
            add()
        }
        return seeds.map { outcomes[$0]! }
    }
}
