extension [Double] {
    /// The value below which that part of all lie; 0 of none.
    public func quantile(_ part: Double) -> Double {
        let sorted = self.sorted()
        return sorted.isEmpty ? 0 : sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// Half of all lie below it; 0 of none.
    public var median: Double { self.quantile(0.5) }
}
