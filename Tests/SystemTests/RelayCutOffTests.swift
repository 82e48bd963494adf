import Foundation
import TestSupport
import Testing

@Suite("A relay that cannot reach the master", .serialized)
struct RelayCutOffTests {
    /// Passes connections to the port of argument 1 on to that of argument 2, for as long as it runs.
    private static let forwarder = """
        import socket, sys, threading
        def pump(a, b):
            while data := a.recv(65536): b.sendall(data)
        server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        while True:
            one, _ = server.accept()
            two = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
            for pair in ((one, two), (two, one)): threading.Thread(target=pump, args=pair, daemon=True).start()
        """

    @Test("Its agents go to the relay that reaches it, and their tasks run on")
    func cutOff() throws {
        let cluster = try LiveCluster(["--agents", "1"])
        defer { cluster.stop() }
        let ports = try FreePorts.take(2)
        let master = try #require(cluster.master.split(separator: ":").last.map(String.init))
        let path = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/python3"), ["-c", Self.forwarder, "\(ports[0])", master])
        defer { path.end() }
        let relay = try RunningProgram(
            Programs.path("meseta-relay"),
            ["--name", "cut", "--port", "\(ports[1])", "--side-port", "0", "--master", "127.0.0.1:\(ports[0])"])
        defer { relay.end() }
        let agent = try RunningProgram(
            Programs.path("meseta-agent"),
            [
                "--name", "moving", "--dir", cluster.directory.appendingPathComponent("moving").path, "--port", "0",
                "--side-port", "0", "--relay", "127.0.0.1:\(ports[1])", "--resources", "cpus:7;mem:512",
                "--isolation", "processes",
            ])
        defer { agent.end() }
        func relayOfAgent() throws -> String? {
            let listing = try cluster.meseta(["agents", "--json"])
            let rows = try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]]
            return rows?.first { ($0["total"] as? [String: Any])?["cpus"] as? Double == 7 }?["relay"] as? String
        }
        try eventually("the agent is attached through the relay") { try relayOfAgent() == "cut" }
        let marks = cluster.directory.appendingPathComponent("marks").path
        let run = try cluster.start([
            "run", "--cpus", "6.5", "--mem", "64", "--", "sh", "-c",
            "echo x >> \(marks); until [ -e \(marks).end ]; do sleep 0.1; done",
        ])
        try eventually("the task runs there") { FileManager.default.fileExists(atPath: marks) }
        path.signal(SIGKILL)
        try eventually("the agent has gone to the other relay") {
            guard let name = try relayOfAgent() else { return false }
            return name != "cut"
        }
        try Data().write(to: URL(fileURLWithPath: marks + ".end"))
        let outcome = try run.wait(seconds: 30)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(relay.errors)\n\(agent.errors)")
        #expect(try String(contentsOfFile: marks, encoding: .utf8) == "x\n")
        #expect(relay.output.contains("Cut off from the master"))
    }

    @Test("One that has had no master since its start sends its agents to the relay that its flags name")
    func startsCutOff() throws {
        let cluster = try LiveCluster(["--agents", "1", "--relays", "1"])
        defer { cluster.stop() }
        let ports = try FreePorts.take(2)
        let other = try #require(cluster.members("relay").first)
        // Nobody listens where its master should be.
        let relay = try RunningProgram(
            Programs.path("meseta-relay"),
            [
                "--name", "cut", "--port", "\(ports[1])", "--side-port", "0", "--master", "127.0.0.1:\(ports[0])",
                "--relay", other.address,
            ])
        defer { relay.end() }
        let agent = try RunningProgram(
            Programs.path("meseta-agent"),
            [
                "--name", "lost", "--dir", cluster.directory.appendingPathComponent("lost").path, "--port", "0",
                "--side-port", "0", "--relay", "127.0.0.1:\(ports[1])", "--resources", "cpus:7;mem:512",
                "--isolation", "processes",
            ])
        defer { agent.end() }
        try eventually("the agent has gone to the other relay", within: 30) { agent.output.contains("Registered") }
        let run = try cluster.meseta(["run", "--cpus", "6.5", "--mem", "64", "--", "echo", "there"])
        #expect(run.output == "there\n", "\(run.errors)\n\(relay.output)\n\(agent.output)")
        #expect(relay.output.contains("Cut off from the master"))
    }
}
