internal import Foundation
public import PaperWorkloads

/// Finds how long tasks are from how long jobs took on the paper's dedicated partitions; the shared cluster has no part in it.
public enum Calibration {
    /// Those whose tasks' lengths the paper leaves open.
    public static let names = ["facebook", "large", "spark"]

    /// One round: every kind of job is run on its partition, and the lengths of its tasks are corrected by how far its time is off.
    ///
    /// - Parameter names: Of frameworks, some of `Calibration.names`.
    /// - Returns: The corrected mix, and for each kind what was seen and what the paper has, in seconds.
    public static func round(
        _ mix: WorkloadMix, _ names: [String], seeds: ClosedRange<UInt64>
    ) throws -> (mix: WorkloadMix, rows: [(kind: String, seen: Double, paper: Double)]) {
        var (corrected, rows) = (mix, [(kind: String, seen: Double, paper: Double)]())
        func correction(_ kind: String, _ accounts: [FrameworkAccount], _ paper: Double) -> Double {
            let time = SharingOutcome.mean(of: kind, in: accounts)
            rows.append((kind, time, paper))
            // Half the way: where jobs wait for each other, their times grow faster than the lengths of tasks.
            return (paper / time).squareRoot()
        }
        func correct(_ kinds: inout [WorkloadMix.HadoopKind], _ accounts: [FrameworkAccount]) {
            for index in kinds.indices {
                kinds[index].taskSeconds *= correction(kinds[index].name, accounts, kinds[index].paperSeconds)
            }
        }
        for name in names {
            let accounts = try seeds.map { try SharingOutcome.alone(name, mix, seed: $0) }
            switch name {
            case "facebook": correct(&corrected.facebook.kinds, accounts)
            case "large": correct(&corrected.large.kinds, accounts)
            default: corrected.spark.taskSeconds *= correction(mix.spark.name, accounts, mix.spark.paperSeconds)
            }
        }
        return (corrected, rows)
    }
}
