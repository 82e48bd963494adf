/// What a browser gets that was pointed at a port for frames.
enum WebAnswer {
    private static let methods = ["GET ", "HEAD ", "POST "].map { Array($0.utf8) }

    private static let text = """
        This port speaks Meseta's own protocol. To look at the cluster, use the command `meseta status`;
        /livez, /readyz and /metrics are at this process's side port.

        """

    /// Whether a first read is an HTTP request.
    ///
    /// No hello is: its frame would be 71, 72 or 80 bytes and begin with field 8.
    static func isRequest(_ bytes: UnsafeRawBufferPointer) -> Bool {
        self.methods.contains { bytes.starts(with: $0) }
    }

    /// The whole answer.
    static let bytes: [UInt8] = Array(
        """
        HTTP/1.1 400 Bad Request\r
        content-type: text/plain; charset=utf-8\r
        content-length: \(Self.text.utf8.count)\r
        connection: close\r
        \r
        \(Self.text)
        """.utf8)
}
