/// Sections 4.2 and 4.3 of the paper, simulated with the real cores and held against what is predicted.
public enum SharingModel {
    /// Ramp-up time, completion time and utilisation: for one kind of framework, tasks and demand.
    public static func sharing(
        _ setting: SharingSetting, _ lengths: TaskLengths, isRigid: Bool, _ demand: Demand, runs: Int, seed: UInt64
    ) throws -> [ModelRow] {
        let experiment = SharingExperiment(setting: setting, lengths: lengths, isRigid: isRigid, demand: demand)
        let samples = try (0..<UInt64(runs)).map { try experiment.run(seed: seed + $0) }
        let predictions = SharingPredictions(setting: setting, lengths: lengths, isRigid: isRigid, demand: demand)
        let name = "\(isRigid ? "rigid" : "elastic"), \(lengths.rawValue), \(demand.rawValue) slots"
        func row(_ quantity: String, _ prediction: Prediction, _ measured: Double, _ all: [Double], _ allowance: Double)
            -> ModelRow
        {
            ModelRow(
                experiment: name, quantity: quantity, paper: prediction.paper, exact: prediction.exact,
                measured: measured, spread: all.spread,
                tolerance: deviations * prediction.deviation / Double(runs).squareRoot() + allowance, count: runs)
        }
        let (rampUps, completions) = (samples.map(\.rampUp), samples.map(\.completion))
        let utilisation = samples.map(\.used).reduce(0, +) / samples.map(\.held).reduce(0, +)
        return [
            row("ramp-up (T)", predictions.rampUp, rampUps.mean, rampUps, predictions.allowance),
            row(
                "completion (T)", predictions.completion, completions.mean, completions,
                predictions.completionAllowance),
            row(
                "utilisation", predictions.utilisation, utilisation, samples.map { $0.used / $0.held },
                predictions.allowance),
        ]
    }

    /// All rows; `progress` is told of each experiment that is done.
    public static func all(
        _ setting: SharingSetting, runs: Int, seed: UInt64, progress: ([ModelRow]) -> Void = { _ in }
    ) throws -> [ModelRow] {
        var all: [ModelRow] = []
        func add(_ rows: [ModelRow]) {
            progress(rows)
            all += rows
        }
        for demand in Demand.allCases {
            for isRigid in [false, true] {
                for lengths in TaskLengths.allCases {
                    add(try Self.sharing(setting, lengths, isRigid: isRigid, demand, runs: runs, seed: seed))
                }
            }
        }
        for start in PlacementStart.allCases {
            add([try Self.convergence(setting, from: start, runs: runs, seed: seed)])
        }
        add(try Self.contention(setting, grants: 200 * runs, seed: seed))
        return all
    }
}
