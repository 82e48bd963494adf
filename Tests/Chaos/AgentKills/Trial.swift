import ArgumentParser
import Foundation
import MesetaSDK
import TestSupport

/// What all trials take.
struct TrialOptions: ParsableArguments {
    @Option(help: "As meseta-agent takes it.") var isolation = "cgroups"
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Where another build of meseta-agent and meseta-supervisor is, which takes turns with the first.")
    var other: String?
    @Option(help: "The program that judges (default: judge, in the sources of this one).") var judge = Self
        .judgeInSources
    @Option(help: "Write the figures to this file, as JSON.") var json: String?
    @Flag(help: "Keep the cluster's directory with its logs, which are then longer.") var keep = false

    private static var judgeInSources: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("judge").path
    }

    var directory: URL { self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory }
}

/// A cluster, an agent to be killed, and a scheduler that writes down what happens.
final class Trial: Sendable {
    let agent: AgentUnderTest
    let tasks: MarkedTasks
    let driver: SchedulerDriver
    private let options: TrialOptions
    private let marks: URL
    private let log: URL

    init(_ options: TrialOptions, resources: String) throws {
        self.options = options
        self.agent = try AgentUnderTest(
            programs: options.directory, other: options.other.map { URL(fileURLWithPath: $0) },
            isolation: options.isolation, resources: resources, keepingLogs: options.keep)
        let directory = self.agent.cluster.directory
        self.marks = directory.appendingPathComponent("marks")
        self.log = directory.appendingPathComponent("scheduler.log")
        try FileManager.default.createDirectory(at: self.marks, withIntermediateDirectories: true)
        self.tasks = try MarkedTasks(
            marks: self.marks, log: self.log, programs: options.directory.absoluteURL.standardizedFileURL)
        self.driver = SchedulerDriver(
            framework: FrameworkInfo("agent-kills", failoverTimeout: .seconds(600)), master: self.agent.cluster.master,
            scheduler: self.tasks)
        let driver = self.driver
        Task { try await driver.run() }
    }

    /// Lets the judge look; what it prints goes to standard output, and with `--json` what it counts to that file, beside
    /// `figures`.
    ///
    /// - Returns: Whether all promises were kept.
    func judge(_ figures: [String: Any]) throws -> Bool {
        let counts = self.agent.cluster.directory.appendingPathComponent("judge.json")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: self.options.judge)
        process.arguments = [self.marks.path, self.log.path, counts.path]
        try process.run()
        process.waitUntilExit()
        if let path = self.options.json {
            let counted = try JSONSerialization.jsonObject(with: Data(contentsOf: counts)) as? [String: Any] ?? [:]
            let all = figures.merging(counted) { $1 }.merging(["isolation": self.options.isolation]) { $1 }
            try JSONSerialization.data(withJSONObject: all, options: [.sortedKeys, .prettyPrinted])
                .write(to: URL(fileURLWithPath: path))
        }
        return process.terminationStatus == 0
    }

    func stop() {
        self.driver.stop()
        self.agent.stop(keepingFiles: self.options.keep)
        if self.options.keep { print("kept: \(self.agent.cluster.directory.path)") }
    }
}
