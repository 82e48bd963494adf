import AgentCore
import Isolation
import Model
import NIOCore

/// Looks at tasks: by a command beside them, or at their ports.
extension AgentHost {
    func probe(_ id: ProbeID, _ order: ProbeOrder, timeout: Duration) {
        let loop = self.node.loop
        let result: EventLoopFuture<ProbeResult>
        switch order {
        case .command(let spec):
            return self.containerizer.probe(spec, timeout: timeout) { [weak self] in self?.host.post(.probed(id, $0)) }
        case .http(let http): result = NetworkProbe.get(http, timeout: timeout, on: loop)
        case .tcp(let port, let isIPv6):
            result = NetworkProbe.connect(port: port, isIPv6: isIPv6, timeout: timeout, on: loop)
        }
        result.assumeIsolated().whenSuccess { [weak self] in self?.host.post(.probed(id, $0)) }
    }
}
