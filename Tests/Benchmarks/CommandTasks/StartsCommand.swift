import ArgumentParser
import Foundation
import Isolation
import Model
import TestSupport

/// What each module of isolation adds to a start.
struct StartsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starts", abstract: "How long one start takes with each module of isolation.",
        discussion: """
            Containers without an agent, one after the other: from the order until the supervisor tells that `true` has ended and nothing
            of it is left. The control groups of one are set back while the next begins, and it waits for that. The rows take turns; each
            difference is from the first row.
            """)

    @Option(parsing: .upToNextOption, help: "The rows: what meseta-agent takes as --isolation.")
    var isolations = [
        "process", "cgroup-cpu", "cgroup-memory", "cgroup-cpuset", "cgroup-pids", "cgroup-io", "ports", "gpu",
        "namespace-pid", "namespace-mount", "namespace-network", "capabilities", "seccomp",
    ]
    @Option(help: "What each container runs, without arguments.") var program = "/bin/true"
    @Option(help: "A directory with that program in it: a further row, of containers that have it as their root.")
    var image: String?
    @Option(help: "As meseta-agent takes it; without one, and without weights in the kernel, cgroup-io is left out.")
    var ioLimit: String?
    @Option(help: "As meseta-agent takes it.") var pidsLimit = 1000
    @Option(parsing: .upToNextOption, help: "Nodes that stand for GPUs; a container gets the first.")
    var gpuDevices = ["/dev/full", "/dev/zero"]
    @Option(help: "Rounds.") var rounds = 5
    @Option(help: "Starts of each row in a round.") var starts = 300

    func run() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("starts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var benches: [StartBench] = []
        do {
            for (index, row) in self.isolations.enumerated() {
                let place = directory.appendingPathComponent("agent-\(index)")
                do { benches.append(try await self.bench(row, in: place, image: nil)) } catch let error as TestFailure {
                    print("\(row): left out: \(error)")
                }
            }
            if let image, let first = self.isolations.first {
                let place = directory.appendingPathComponent("agent-image")
                benches.append(try await self.bench(first, in: place, image: image))
            }
            for bench in benches { _ = try await bench.run(50) }
            for _ in 0..<self.rounds { for bench in benches { try await bench.measure(self.starts) } }
            self.report(benches)
        } catch {
            for bench in benches { await bench.end() }
            throw error
        }
        for bench in benches { await bench.end() }
    }

    private func bench(_ row: String, in place: URL, image: String?) async throws -> StartBench {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice(row)
        settings.pidsLimit = self.pidsLimit
        settings.ioLimit = try self.ioLimit.map { try IOLimit($0) }
        settings.directory = place.path
        settings.gpuDevices = try GPUDevice.find(self.gpuDevices)
        settings.total = "cpus:2;mem:1024;ports:[40000-40009]"
        if settings.choice.required.contains(.gpu) { settings.total += "gpus:1" as Resources }
        return try await StartBench(row, settings, program: self.program, image: image, directory: place)
    }

    private func report(_ benches: [StartBench]) {
        guard let first = benches.first else { return }
        print("\(self.rounds) x \(self.starts) starts of \(self.program) each, in ms")
        for bench in benches {
            let times = bench.times, difference = times.median - first.times.median
            print(
                "  " + bench.name.padding(toLength: 28, withPad: " ", startingAt: 0)
                    + String(format: "median %5.2f   %+5.2f   rounds: ", times.median, difference)
                    + bench.rounds.map { String(format: "%.2f", $0.median) }.joined(separator: " "))
        }
    }
}
