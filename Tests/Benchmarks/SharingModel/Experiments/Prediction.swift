import Foundation

/// What is to be expected of a quantity; times in T.
struct Prediction {
    /// By the paper's table.
    var paper: Double
    /// The expectation under the same assumptions.
    var exact: Double
    /// The standard deviation of one run.
    var deviation: Double
}

/// Section 4.2 in numbers: when the newcomer gets its slots, and what follows from that.
///
/// A slot comes free when the task in it ends: after a time that is uniform on [0, T] for tasks of constant length, and
/// exponential with mean T for exponential ones.
struct SharingPredictions {
    let setting: SharingSetting
    let lengths: TaskLengths
    let isRigid: Bool
    let demand: Demand

    private var k: Double { Double(self.setting.entitlement) }
    private var beta: Double { self.setting.work }

    /// A sum of independent exponentials with these means: the times between the ends of tasks are such.
    private struct Sum {
        var mean = 0.0
        var variance = 0.0
        mutating func add(_ part: Double) {
            self.mean += part
            self.variance += part * part
        }
    }

    /// The last of the slots; the average over the slots; and the difference, which is what each waits for the last.
    private var arrivals: (last: Sum, average: Sum, wait: Sum) {
        let n = self.demand == .certain ? self.k : Double(self.setting.slots)
        var (last, average, wait) = (Sum(), Sum(), Sum())
        switch self.lengths {
        case .exponential:
            // Of m tasks the next ends after T/m on average, whatever has been.
            for i in 1...self.setting.entitlement {
                let gap = 1 / (n - Double(i) + 1)
                let later = (self.k - Double(i) + 1) / self.k
                last.add(gap)
                average.add(gap * later)
                wait.add(gap * (1 - later))
            }
        case .constant:
            // The k-th smallest of n uniform times; the others before it are uniform up to it.
            last.mean = self.k / (n + 1)
            last.variance = self.k * (n + 1 - self.k) / ((n + 1) * (n + 1) * (n + 2))
            average.mean = (self.k + 1) / 2 / (n + 1)
            average.variance = last.variance / 4 + last.mean * last.mean / 12 / self.k
            wait.mean = last.mean - average.mean
            wait.variance = average.variance
        }
        return (last, average, wait)
    }

    var rampUp: Prediction {
        let last = self.arrivals.last
        return Prediction(
            paper: self.lengths == .constant ? 1 : log(self.k), exact: last.mean, deviation: last.variance.squareRoot())
    }

    var completion: Prediction {
        if self.isRigid {
            let rampUp = self.rampUp
            return Prediction(
                paper: rampUp.paper + self.beta, exact: rampUp.exact + self.beta, deviation: rampUp.deviation)
        }
        let paper = self.lengths == .constant ? 0.5 + self.beta : 1 + self.beta
        // The last tasks do not end together, as in the model, but over the length of one.
        let end = (1 - 1 / self.k) / 2 / Double(self.setting.tasksPerMean)
        guard self.lengths == .exponential, self.demand == .certain else {
            let average = self.arrivals.average
            return Prediction(
                paper: paper, exact: average.mean + self.beta + end, deviation: average.variance.squareRoot())
        }
        // The job may be over before the last slots come: k (t - 1 + e^-t) is done by t.
        var t = paper
        for _ in 0..<50 { t -= (t - 1 + exp(-t) - self.beta) / (1 - exp(-t)) }
        let missed = 1 - exp(-t)
        let variance = 2 - 2 * exp(-t) * (1 + t) - missed * missed
        return Prediction(paper: paper, exact: t + end, deviation: (variance / self.k).squareRoot() / missed)
    }

    var utilisation: Prediction {
        guard self.isRigid else { return Prediction(paper: 1, exact: 1, deviation: 0) }
        let wait = self.arrivals.wait
        let paper = self.lengths == .constant ? 0.5 : log(self.k) - 1
        let sum = wait.mean + self.beta
        return Prediction(
            paper: self.beta / (paper + self.beta), exact: self.beta / sum,
            deviation: self.beta / (sum * sum) * wait.variance.squareRoot())
    }

    /// By how much latencies and the division into tasks may move the mean.
    var allowance: Double { 0.01 }
    var completionAllowance: Double {
        self.isRigid ? self.allowance : self.allowance + 0.25 / Double(self.setting.tasksPerMean)
    }
}
