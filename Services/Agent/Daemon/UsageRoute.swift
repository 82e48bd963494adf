import AgentCore
import Isolation
import Runtime

/// `/usage` on the side port: what containers use, and how busy the machine is, as JSON.
extension AgentHost {
    func showUsage(on sidePort: SidePort, for access: AccessGuard) {
        sidePort.get("/usage", for: access) { [self] _ in
            let (report, summary) = try await self.usage()
            let pressure = try await BlockingWork.run { NodePressure.read() }
            let json = report.json(agent: summary.agentID, name: self.name, total: summary.total, node: pressure)
            return .json(Array(json.utf8))
        }
    }
}
