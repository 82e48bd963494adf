import SharingModel
import Testing

@Suite("The paper's model of sharing")
struct SharingModelTests {
    /// Small enough for every test run; `sharing-model` is the same with more of everything.
    private static var setting: SharingSetting {
        var setting = SharingSetting()
        setting.entitlement = 12
        setting.tasksPerMean = 5
        return setting
    }

    private func expectWithin(_ rows: [ModelRow]) {
        for row in rows {
            #expect(
                row.isWithin,
                "\(row.experiment), \(row.quantity): \(row.measured), not \(row.exact) +- \(row.tolerance)")
        }
    }

    @Test(
        "Ramp-up, completion and utilisation are as predicted", arguments: [false, true], TaskLengths.allCases)
    func sharing(isRigid: Bool, lengths: TaskLengths) throws {
        for demand in Demand.allCases {
            self.expectWithin(
                try SharingModel.sharing(Self.setting, lengths, isRigid: isRigid, demand, runs: 4, seed: 1))
        }
    }

    @Test(
        "If all preferences can be met, they are after the length of one task", arguments: PlacementStart.allCases)
    func convergence(start: PlacementStart) throws {
        self.expectWithin([try SharingModel.convergence(Self.setting, from: start, runs: 2, seed: 1)])
    }

    @Test("If they cannot, a lottery divides preferred slots by weight")
    func contention() throws {
        self.expectWithin(try SharingModel.contention(Self.setting, grants: 400, seed: 1))
    }
}
