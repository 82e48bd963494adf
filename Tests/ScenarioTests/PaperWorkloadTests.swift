import Model
import PaperWorkloads
import SharingExperiments
import Testing

@Suite("The paper's workloads")
struct PaperWorkloadTests {
    /// The paper's mix on a twelfth of its machines, and with fewer jobs: small enough for every test run.
    private static func smallMix() throws -> WorkloadMix {
        var mix = try WorkloadMix.ofThePaper().shrunk(to: 8)
        for index in mix.facebook.kinds.indices {
            mix.facebook.kinds[index].jobs = (mix.facebook.kinds[index].jobs + 3) / 4
        }
        mix.large.kinds[0].jobs = 3
        mix.spark.jobs = 1
        mix.torque.kinds = [mix.torque.kinds[0]]
        mix.torque.kinds[0].jobs = 2
        return mix
    }

    @Test("Jobs are over sooner on a shared cluster, and more of it is allocated")
    func sharing() throws {
        let outcome = try SharingOutcome.simulated(Self.smallMix(), seed: 1)
        for (shared, dedicated) in zip(outcome.shared, outcome.dedicated) {
            #expect(shared.jobs.count == dedicated.jobs.count)
            #expect(shared.jobs.allSatisfy { $0.seconds != nil } && dedicated.jobs.allSatisfy { $0.seconds != nil })
        }
        let speedups = Dictionary(uniqueKeysWithValues: zip(WorkloadMix.names, outcome.speedups))
        #expect(speedups["facebook"]! > 1.2, "\(speedups)")
        #expect(speedups["large"]! > 1.7, "\(speedups)")
        // It gives its slots back after each iteration, and has to wait for others.
        #expect(speedups["spark"]! > 0.75, "\(speedups)")
        // It never has more than its partition, and its jobs, of a minute and a half here, wait for slots; a thousandth is the
        // way of the messages.
        #expect((0.93...1.001).contains(speedups["torque"]!), "\(speedups)")
        #expect(outcome.gain.cpus > 0.2 && outcome.gain.memory > 0.2, "\(outcome.gain)")
        #expect(outcome.sharedSeries.end < 0.8 * outcome.dedicatedSeries.end)
    }

    @Test("Tasks run where their data is if their framework waits for that, and jobs are over sooner")
    func locality() throws {
        var settings = ScanSettings()
        settings.agents = 12
        settings.instances = 4
        settings.blocks = 60
        settings.replicas = 2
        let alone = try LocalityExperiment.run(.partitions, settings, seed: 1)
        let patient = try LocalityExperiment.run(.shared(delay: .seconds(5)), settings, seed: 1)
        // Of three machines of twelve, two replicas: 1 - (9 * 8) / (12 * 11) of the blocks, give or take.
        #expect(abs(alone.locality - 0.45) < 0.1, "\(alone)")
        #expect(patient.locality >= 0.95, "\(patient)")
        #expect(patient.meanTime < alone.meanTime / 1.3, "\(patient) \(alone)")
    }

    @Test("A framework declines machines without its data until its delay is over")
    func delay() throws {
        var settings = ScanSettings()
        settings.agents = 3
        settings.blocks = 1
        settings.replicas = 1
        var framework = ScanFramework("scan", settings, delay: .seconds(5), seed: 1)
        framework.wake(at: .zero)
        let atHome = (1...3).map { number in
            var copy = framework
            let answer = copy.answer(Self.offer(of: "agent-\(number)"), at: .seconds(1))
            return (number, answer, copy.local)
        }
        let home = try #require(atHome.first { !$0.1.tasks.isEmpty })
        #expect(home.2 == 1 && atHome.count { $0.1.tasks.isEmpty } == 2)
        let other = Self.offer(of: "agent-\(home.0 % 3 + 1)")
        for (now, refusal) in [(1, 5), (4, 2)] {
            let answer = framework.answer(other, at: .seconds(now))
            #expect(answer.tasks.isEmpty && answer.refusal == .seconds(refusal))
        }
        let late = framework.answer(other, at: .seconds(6))
        #expect(late.tasks.count == 1 && framework.local == 0)
        #expect(late.tasks.first?.length == home.1.tasks[0].length * 2.0)
    }

    private static func offer(of host: String) -> Offer {
        Offer(
            id: OfferID(host), frameworkID: FrameworkID("scan"), agentID: AgentID(host), hostname: host, sidePort: 0,
            resources: "cpus:1;mem:2048", role: "*")
    }
}
