extension [Double] {
    /// The value below which that part of all lie; 0 of none.
    public func quantile(_ part: Double) -> Double {
        let sorted = self.sorted()
        return sorted.isEmpty ? 0 : sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// Half of all lie below it; 0 of none.
    public var median: Double { self.quantile(0.5) }

}

extension Collection<Double> {
    /// 0 of none.
    public var mean: Double { self.isEmpty ? 0 : self.reduce(0, +) / Double(self.count) }

    /// The standard deviation of what these are a sample of; 0 of one.
    public var spread: Double {
        guard self.count > 1 else { return 0 }
        let mean = self.mean
        return (self.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(self.count - 1)).squareRoot()
    }
}
