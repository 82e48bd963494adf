import ArgumentParser
import Foundation
import MesetaSDK
import TestSupport

/// Kills the agent at random instants during a stream of tasks.
struct RandomKills: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random", abstract: "Kill an agent at random instants while tasks come and go.",
        discussion: """
            Tasks of all kinds are launched, some of which end by themselves, some by an executor's word, some because they are killed. The
            agent is killed with SIGKILL again and again, in the middle of whatever it does, its own start included, and started
            again at once. In the end a program of its own judges from marks on disk and the scheduler's log.

            EXAMPLES
              swift build -c release && .build/release/agent-kills random --kills 200 --seed 1
            """)

    @OptionGroup var options: TrialOptions
    @Option(help: "How often.") var kills = 200
    @Option(help: "What chance is drawn from.") var seed: UInt64 = 1
    @Option(help: "Tasks at once.") var width = 8
    @Option(help: "The longest time that the agent lives, in milliseconds.") var longest = 800

    func run() async throws {
        UpCluster.endAllOnSignals()
        let trial = try Trial(self.options, resources: "cpus:16;mem:2048")
        defer { trial.stop() }
        try trial.agent.start()
        let streams = (0..<self.width).map { stream in
            var chance = Chance(seed: self.seed &* 1000 &+ UInt64(stream))
            return Task {
                while !Task.isCancelled {
                    let kind = MarkedTasks.Kind.allCases[Int(chance.next(below: 3))]
                    let length = Int(chance.next(below: 400))
                    _ = await trial.tasks.run(kind, for: length, with: trial.driver)
                }
            }
        }
        var chance = Chance(seed: self.seed)
        for number in 1...self.kills {
            try await Task.sleep(for: .milliseconds(Int64(chance.next(below: UInt64(self.longest)))))
            guard trial.agent.isRunning else { throw Failure("the agent ended by itself: see \(trial.agent.log)") }
            trial.agent.kill9()
            try trial.agent.start()
            if number % 20 == 0 { FileHandle.standardError.write(Data("\(number) kills\n".utf8)) }
        }
        streams.forEach { $0.cancel() }
        try await self.settle(trial)
        print("\(self.kills) kills, seed \(self.seed)")
        if try !trial.judge(["kills": self.kills, "seed": self.seed]) { throw ExitCode(1) }
    }

    /// All tasks end when nobody kills the agent any more.
    private func settle(_ trial: Trial) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if await trial.tasks.open.isEmpty { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        print("BREACH: without an end a minute after the last kill: \(await trial.tasks.open)")
    }
}

/// A small generator, so that a seed gives the same instants everywhere (SplitMix64).
struct Chance {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next(below bound: UInt64) -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return (value ^ (value >> 31)) % bound
    }
}
