internal import Foundation

/// Which processes a cluster on one machine consists of, and with which flags.
struct ClusterPlan {
    var masters = 1
    var allocators = 1
    var relays = 1
    var agents = 3
    var election = "none"
    var host = "127.0.0.1"
    var secretFile: String?
    var isInsecure = false
    var policyFile: String?
    var logLevel: String?
    var resources: String?
    var directory: String
    /// By which host others reach masters and relays, if it is not `host`.
    var advertise: String?
    /// The words before the command line of the member of that name: a program that becomes it.
    var launcher: (String) -> [String] = { _ in [] }

    /// What cannot work, found before anything is started.
    func check() throws {
        guard self.masters >= 1, self.allocators >= 1, self.relays >= 1, self.agents >= 0 else {
            throw Complaint("a cluster has at least one master, one allocator and one relay")
        }
        if self.election == "none", self.masters > 1 {
            throw Complaint(
                "several masters need an election: add --election zk://host:port/path, or start one master")
        }
    }

    /// Flags that every role takes.
    private func common(_ name: String) -> [String] {
        var arguments = ["--name", name, "--host", self.host, "--dir", "\(self.directory)/\(name)"]
        if let secretFile { arguments += ["--secret-file", secretFile] }
        if self.isInsecure { arguments += ["--insecure"] }
        if let logLevel { arguments += ["--log-level", logLevel] }
        return arguments
    }

    /// Flags of those that others dial.
    private func server(_ name: String) -> [String] {
        self.common(name) + (self.advertise.map { ["--advertise", $0] } ?? [])
    }

    func masterArguments(_ name: String) -> [String] {
        self.server(name) + ["--election", self.election] + (self.policyFile.map { ["--policy-file", $0] } ?? [])
    }

    func allocatorArguments(_ name: String, masters: [String]) -> [String] {
        self.common(name) + self.finding(masters: masters)
    }

    func relayArguments(_ name: String, masters: [String]) -> [String] {
        self.server(name) + self.finding(masters: masters)
    }

    func agentArguments(_ name: String, index: Int, relays: [String]) -> [String] {
        self.common(name) + ["--relay", relays.joined(separator: ",")]
            + ["--resources", self.resources ?? self.share(of: index), "--tasks-on-stop", "end"]
    }

    private func finding(masters: [String]) -> [String] {
        self.election == "none"
            ? ["--master", masters.joined(separator: ",")] : ["--election", self.election]
    }

    /// An agent's part of this machine: cores, memory, disk and ports divided evenly, so that the agents together never promise
    /// more than there is.
    private func share(of index: Int) -> String {
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let pages = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
        let memory = max(256, Int(pages * 0.9) / (1 << 20))
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: self.directory)
        let disk = ((attributes?[.systemFreeSize] as? NSNumber)?.intValue ?? 0) / (1 << 20) / 2
        let milliCPU = cores * 1000 / self.agents
        let ports = 2000 / self.agents
        let firstPort = 31000 + index * ports
        return "cpus:\(milliCPU / 1000).\(String(1000 + milliCPU % 1000).dropFirst());mem:\(memory / self.agents);"
            + "disk:\(disk / self.agents);ports:[\(firstPort)-\(firstPort + ports - 1)]"
    }
}
