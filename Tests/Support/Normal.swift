internal import Foundation

extension Double {
    /// A number that is normally distributed around 0 with a deviation of 1, by Box and Muller.
    public static func normal(using random: inout some RandomNumberGenerator) -> Double {
        let (first, second) = (Double.random(in: 0..<1, using: &random), Double.random(in: 0..<1, using: &random))
        return (-2 * log(1 - first)).squareRoot() * cos(2 * .pi * second)
    }
}
