/// One number of the model, predicted and simulated.
public struct ModelRow: Codable, Sendable {
    /// The experiment: what kind of framework, what tasks, which slots.
    public var experiment: String
    /// What was measured, with its unit.
    public var quantity: String
    /// What the paper says.
    public var paper: Double
    /// The expectation under the paper's assumptions, where that is another number.
    public var exact: Double
    /// Over all runs.
    public var measured: Double
    /// The standard deviation of the runs.
    public var spread: Double
    /// How far the measured value may be from the exact one; if `isBound`, how far above the paper's.
    public var tolerance: Double
    /// The paper's value is the most that may be.
    public var isBound = false
    /// How many runs, or draws.
    public var count: Int

    /// Whether the measured value is where it has to be.
    public var isWithin: Bool {
        self.isBound
            ? self.measured <= self.paper + self.tolerance : abs(self.measured - self.exact) <= self.tolerance
    }
}

/// So many standard deviations of the mean may it be off: by chance alone once in 2000.
let deviations = 3.5
