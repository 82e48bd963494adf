internal import Frames
internal import Model

extension Metrics {
    /// Shows what a process of some role exchanges with peers of another.
    func show(_ traffic: Traffic, of role: PeerRole) {
        let numbers: [(name: String, help: String, count: Traffic.Count)] = [
            ("frames_received", "Messages that came.", traffic.messagesReceived),
            ("frames_sent", "Messages that went.", traffic.messagesSent),
            ("frame_bytes_received", "Bytes that came, those around messages included.", traffic.bytesReceived),
            ("frame_bytes_sent", "Bytes that went, those around messages included.", traffic.bytesSent),
            ("frame_reads", "Reads that what came took.", traffic.reads),
            ("frame_writes", "Writes that what went took.", traffic.writes),
        ]
        for number in numbers {
            self.counter(
                "meseta_\(role)_\(number.name)_total", number.help, labels: [("peer", "\(traffic.peers)")]
            ) { Double(number.count.value) }
        }
    }
}
