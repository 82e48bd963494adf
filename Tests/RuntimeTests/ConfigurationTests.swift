import ArgumentParser
import Frames
import Glibc
import Model
import Testing

@testable import Runtime

private struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sample", version: ProgramVersion.current)

    @OptionGroup var daemon: DaemonOptions

    @Option(
        help: "How long offers stand. Longer than any option's name by far, so that the help would have to wrap it.")
    var offerTimeout = DurationFlag(.seconds(30))

    @Option(name: [.short, .long], help: "A role; may be given several times.")
    var role: [String] = []

    @Flag(inversion: .prefixedNo, help: "Deliver through relays.")
    var relays = true
}

/// Command line before environment before file before default.
@Suite("Configuration")
struct ConfigurationTests {
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/meseta-config-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        _ = Glibc.write(descriptor, text, text.utf8.count)
        close(descriptor)
        try body(path)
    }

    private func parse(_ commandLine: [String], _ environment: [String: String] = [:]) throws -> SampleCommand {
        let arguments = try Configuration.arguments(
            for: SampleCommand.self, commandLine: commandLine, environment: environment)
        return try SampleCommand.parse(arguments)
    }

    @Test("Defaults hold where nothing is said")
    func defaults() throws {
        let command = try self.parse([])
        #expect(command.daemon.host == "127.0.0.1")
        #expect(command.daemon.port == nil)
        #expect(command.daemon.election == "none")
        #expect(command.daemon.maxFrame.bytes == 16 << 20)
        #expect(command.daemon.heartbeatInterval.duration == .seconds(15))
        #expect(command.offerTimeout.duration == .seconds(30))
        #expect(command.relays)
    }

    @Test("The command line wins over the environment, that over the file, and each over the default")
    func precedence() throws {
        try self.withFile(
            "port: 1\nside-port = 2\n\n# a comment\noffer-timeout: 3s\nname: 'from file'\ninsecure: true\n"
        ) { path in
            let command = try self.parse(
                ["--config", path, "--port=10"],
                ["MESETA_PORT": "20", "MESETA_SIDE_PORT": "20", "MESETA_EXECUTOR_TOKEN": "of no flag"])
            #expect(command.daemon.port == 10)
            #expect(command.daemon.sidePort == 20)
            #expect(command.offerTimeout.duration == .seconds(3))
            #expect(command.daemon.name == "from file")
            #expect(command.daemon.insecure)
            let fromEnvironment = try self.parse([], ["MESETA_CONFIG": path])
            #expect(fromEnvironment.daemon.port == 1)
        }
    }

    @Test("Switches are true, false, or a mistake")
    func switches() throws {
        #expect(try self.parse([], ["MESETA_INSECURE": "1"]).daemon.insecure)
        #expect(try self.parse([], ["MESETA_INSECURE": "no"]).daemon.insecure == false)
        #expect(try self.parse([], ["MESETA_NO_RELAYS": "true"]).relays == false)
        #expect(throws: Configuration.Problem.badSwitch(source: "MESETA_INSECURE", value: "maybe")) {
            try self.parse([], ["MESETA_INSECURE": "maybe"])
        }
    }

    @Test("An option that may be repeated is repeated in the file; a short form on the command line replaces them all")
    func repeated() throws {
        try self.withFile("role: a\nrole: b\n") { path in
            let both = try self.parse(["--config=\(path)"])
            #expect(both.role == ["a", "b"])
            let replaced = try self.parse(["--config=\(path)", "-r", "c"])
            #expect(replaced.role == ["c"])
        }
    }

    @Test("A name that no flag has is refused with its line, and the names there are")
    func unknownNames() throws {
        try self.withFile("port: 1\n\nofer-timeout: 3s\n") { path in
            let problem = #expect(throws: Configuration.Problem.self) { try self.parse(["--config", path]) }
            let text = problem?.description ?? ""
            #expect(text.hasPrefix("\(path):3: unknown name 'ofer-timeout'"))
            #expect(text.contains("offer-timeout"))
        }
        try self.withFile("port 5050\n") { path in
            #expect(throws: Configuration.Problem.badLine(path: path, line: 1, text: "port 5050")) {
                try self.parse(["--config", path])
            }
        }
        #expect(throws: Configuration.Problem.self) { try self.parse(["--config", "/no/such/file"]) }
        // One config file does not name another, and asks for no help.
        for name in ["config", "check", "help", "version"] {
            try self.withFile("\(name): x\n") { path in
                #expect(throws: Configuration.Problem.self) { try self.parse(["--config", path]) }
            }
        }
    }

    @Test("A value from file or environment is checked like one from the command line")
    func badValues() throws {
        #expect(throws: (any Error).self) { try self.parse([], ["MESETA_PORT": "http"]) }
        #expect(throws: (any Error).self) { try self.parse(["--port", "70000"]) }
        #expect(throws: (any Error).self) { try self.parse(["--log-level", "loud"]) }
        #expect(throws: (any Error).self) { try self.parse(["--max-frame", "1"]) }
    }

    @Test("Every flag of the help is known, with and without a value")
    func knowsFlags() {
        let flags = Configuration.flags(of: SampleCommand.self)
        let names = Set(flags.map(\.name))
        let expected: Set<String> = [
            "host", "port", "side-port", "advertise", "name", "secret-file", "insecure", "election", "dir", "log-level",
            "max-frame", "heartbeat-interval", "config", "offer-timeout", "role", "relays", "no-relays",
        ]
        #expect(names == expected)
        #expect(flags.filter { !$0.takesValue }.map(\.name).sorted() == ["insecure", "no-relays", "relays"])
        #expect(Configuration.variable("offer-timeout") == "MESETA_OFFER_TIMEOUT")
    }

    @Test(
        "Durations read as people write them",
        arguments: [
            ("500ms", .milliseconds(500)), ("30s", .seconds(30)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
            ("2d", .seconds(172_800)), ("1.5s", .milliseconds(1500)), ("1h30m", .seconds(5400)), ("0s", .zero),
            ("250us", .microseconds(250)),
        ] as [(String, Duration)])
    func durations(text: String, duration: Duration) {
        #expect(DurationFlag(argument: text)?.duration == duration)
        #expect(DurationFlag(argument: DurationFlag(duration).description)?.duration == duration)
    }

    @Test(
        "What is no duration is refused",
        arguments: ["", "5", "s", "-5s", "5 s", "5x", "1e3s", "nan s", "inf", "999999999999d", "5s5", "٣s", ".s"])
    func badDurations(text: String) {
        #expect(DurationFlag(argument: text) == nil)
    }

    @Test(
        "Sizes read with binary units",
        arguments: [("4096", 4096), ("64KiB", 65536), ("16MiB", 16 << 20), ("2GiB", 2 << 30)])
    func sizes(text: String, bytes: Int) {
        #expect(ByteCountFlag(argument: text)?.bytes == bytes)
        #expect(ByteCountFlag(argument: ByteCountFlag(bytes).description)?.bytes == bytes)
    }

    @Test("What is no size is refused", arguments: ["", "MiB", "-1", "1.5MiB", "16MB", "99999999999TiB"])
    func badSizes(text: String) {
        #expect(ByteCountFlag(argument: text) == nil)
    }

    @Test("The flags make the node's settings: limits nest, and silence is three intervals")
    func nodeSettings() throws {
        let command = try self.parse(["--max-frame", "4MiB", "--heartbeat-interval", "2s", "--insecure"])
        let settings = try command.daemon.nodeSettings(role: .relay, name: "r")
        #expect(settings.maxFrameBytes == 4 << 20)
        #expect(settings.maxEntryFrameBytes == 2 << 20)
        #expect(settings.silenceLimit == .seconds(6))
        #expect(settings.isInsecure)
        #expect(throws: Secret.Problem.self) {
            try self.parse(["--secret-file", "/no/such"]).daemon.nodeSettings(role: .relay, name: "r")
        }
    }

    @Test("As many connections are accepted as files may be open, less some for everything else")
    func connections() throws {
        #expect(OpenFiles.connections(of: 1024) == 768)
        #expect(OpenFiles.connections(of: 20_000) == 18_976)
        let files = try #require(OpenFiles.limit)
        #expect(files > 64)
        let settings = try self.parse([]).daemon.nodeSettings(role: .relay, name: "r")
        #expect(settings.maxConnections == OpenFiles.connections(of: files))
    }

    @Test("The advertised host is what was said, else the one listened on, else this machine's name")
    func advertised() throws {
        #expect(try self.parse([]).daemon.advertisedHost == "127.0.0.1")
        #expect(try self.parse(["--host", "0.0.0.0", "--advertise", "m1"]).daemon.advertisedHost == "m1")
        #expect(try self.parse(["--host", "0.0.0.0"]).daemon.advertisedHost == DaemonOptions.hostname())
    }
}
