import ArgumentParser
import Glibc
import MesetaSDK

/// The example of the Mesos papers: computes pi on a cluster.
@main
struct Pi: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pi",
        abstract: "Computes pi on a cluster: tasks throw random points at a square and count those in the circle.",
        discussion: "Exits with 0 when pi is printed, 1 when the cluster cannot be found or a task fails too often.")

    @Option(help: "The master: host:port[,host:port...] or zk://host:port[,...]/path. Default: MESETA_MASTER.")
    var master: String?

    @Option(help: "A file with the secret that the cluster shares. Default: MESETA_SECRET_FILE.")
    var secretFile: String?

    @Option(help: "How many tasks.")
    var tasks: Int = 10

    @Option(help: "How many points each task throws.")
    var samples: Int = 1_000_000

    @Option(help: "Cores per task.")
    var cpus: Double = 1

    @Option(help: "Megabytes per task.")
    var mem: Double = 32

    @Option(help: "Random numbers follow from this and the task's number.")
    var seed: UInt64 = 2011

    @Option(help: "How often a task may fail.")
    var retries: Int = 3

    @Option(help: "Seconds to look for the cluster.")
    var timeout: Double = 30

    @Option(help: "The executor's program, as agents find it. Default: pi-executor beside this program.")
    var executor: String?

    @Option(help: "The role whose share the tasks count in.")
    var role: String = "*"

    mutating func validate() throws {
        guard (1...1_000_000).contains(self.tasks) else { throw ValidationError("--tasks is from 1 to 1000000") }
        guard self.samples > 0 else { throw ValidationError("--samples is at least 1") }
        guard self.cpus >= 0, self.mem >= 0, self.cpus + self.mem > 0, self.cpus <= 1e6, self.mem <= 1e9 else {
            throw ValidationError("--cpus and --mem are not negative, and not both zero")
        }
        guard self.retries >= 0 else { throw ValidationError("--retries is at least 0") }
        guard self.timeout > 0, self.timeout < 1e9 else { throw ValidationError("--timeout is above 0") }
    }

    func run() async throws {
        var executor = ExecutorInfo("pi-executor", program: self.executorPath, resources: "mem:64")
        executor.name = "Pi executor"
        let scheduler = PiScheduler(
            .init(
                tasks: self.tasks, samples: self.samples, seed: self.seed,
                resources: Resources(cpus: self.cpus, mem: self.mem), executor: executor, retries: self.retries),
            print: {
                print($0)
                fflush(nil)  // Somebody may be watching through a pipe.
            })
        var options = SchedulerDriver.Options()
        options.secretFile = self.secretFile
        options.registrationPatience = .seconds(self.timeout)
        let driver = SchedulerDriver(
            framework: FrameworkInfo("Pi", roles: [self.role]), master: self.master, options: options,
            scheduler: scheduler)
        do {
            try await driver.run()
        } catch {
            throw Complaint(description: error.message)
        }
        switch await scheduler.outcome {
        case .estimate(let pi)?: print("Pi is roughly \(pi)")
        case .failed(let why)?: throw Complaint(description: why)
        case nil: throw Complaint(description: "The driver was stopped before all tasks had ended")
        }
    }

    private var executorPath: String {
        if let executor = self.executor { return executor }
        let own = (try? ownPath()) ?? CommandLine.arguments[0]
        let directory = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
        return "\(directory)/pi-executor"
    }

    private func ownPath() throws -> String {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let base = buffer.baseAddress else { throw Complaint(description: "no memory") }
            let count = readlink("/proc/self/exe", base, buffer.count - 1)
            guard count > 0 else { throw Complaint(description: "/proc/self/exe cannot be read") }
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

/// What is said on stderr before the exit with 1.
struct Complaint: Error, CustomStringConvertible {
    let description: String
}
