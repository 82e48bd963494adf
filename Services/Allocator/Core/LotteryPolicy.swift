import Model

/// A lottery (Waldspurger and Weihl, OSDI 1994): among those that want what is free, each is first with a probability in
/// proportion to its weight, at each node of the role tree, whatever they hold.
///
/// Each contender has a ticket: the time of its next turn, drawn so that its turns are a Poisson process of its weight. The earliest of several such
/// processes is of contender i with probability w_i / sum w, independently of all before; and as they have no memory, one
/// that was passed over draws again from the present on and neither gains nor loses. So a lottery is an order like
/// others, and one draw costs what a move in a list costs.
struct LotteryPolicy: Policy {
    var random: SeededGenerator

    var drawsTickets: Bool { true }

    func place(of standing: Standing, share: Double) -> Place { Place(value: standing.ticket) }

    mutating func ticketDistance(weight: Double) -> Double {
        // Above 0, at most 1.
        let uniform = Double((self.random.next() >> 11) + 1) / Double(1 << 53)
        return -uniform.naturalLogarithm / weight
    }
}

extension Double {
    /// The natural logarithm of a number above 0: 2 (t + t^3/3 + t^5/5 ...) of the significand, with t at most 1/3.
    ///
    /// From additions and multiplications alone, so it is the same to the last bit on every machine, and a seed repeats there.
    var naturalLogarithm: Double {
        let t = (self.significand - 1) / (self.significand + 1)
        let square = t * t
        var sum = 0.0
        for odd in stride(from: 35.0, through: 1, by: -2) { sum = sum * square + 1 / odd }
        return Double(self.exponent) * 0.693_147_180_559_945_3 + 2 * t * sum
    }
}
