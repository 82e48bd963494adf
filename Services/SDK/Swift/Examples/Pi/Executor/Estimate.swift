/// Throws random points at the unit square: the fraction in the quarter circle is pi/4.
///
/// - Returns: The estimate; nil if `isCancelled` said so on the way.
func estimatePi(samples: Int, seed: UInt64, isCancelled: () -> Bool) -> Double? {
    var generator = SplitMix(state: seed)
    var count = 0
    for sample in 0..<samples {
        if sample % 100_000 == 0, isCancelled() { return nil }
        let x = Double.random(in: 0..<1, using: &generator)
        let y = Double.random(in: 0..<1, using: &generator)
        if x * x + y * y < 1 { count += 1 }
    }
    return 4 * Double(count) / Double(samples)
}

/// Fast random numbers that follow from a seed (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
///
/// Neighbouring seeds give unrelated numbers.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
