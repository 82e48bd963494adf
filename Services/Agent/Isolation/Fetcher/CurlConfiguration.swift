internal import Model

/// What `curl` is told on its standard input: not in its arguments, which the whole machine can read.
struct CurlConfiguration {
    /// The file that it reads.
    let text: String

    /// - Parameters:
    ///   - output: A name where curl runs.
    ///   - resuming: The tag of a part that is there: the rest is asked for, if the server still has the same.
    ///   - patience: How long it waits for a connection, and while nothing comes.
    init(url: String, output: String, resuming tag: String?, patience: Duration) {
        let seconds = max(1, Int(patience / .seconds(1)))
        var lines = [
            "url = \(Self.quoted(url))", "output = \(Self.quoted(output))", "silent", "show-error", "fail", "globoff",
            "location", "max-redirs = 10", "proto = \"=http,https\"", "proto-redir = \"=http,https\"",
            "connect-timeout = \(min(30, seconds))", "speed-limit = 1", "speed-time = \(seconds)",
            "write-out = \"\\n\(Self.mark) %{http_code} %header{etag}\\n\"",
        ]
        if let tag { lines += ["continue-at = \"-\"", "header = \(Self.quoted("If-Range: \(tag)"))"] }
        self.text = lines.joined(separator: "\n") + "\n"
    }

    private static let mark = "@meseta"

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// What it printed.
    struct Answer {
        /// Of the server's last answer; 0: there was none.
        var status = 0
        /// What tells versions of the file apart, if the server says so reliably.
        var tag: String?
        /// Of an error.
        var message = ""

        init(_ output: String) {
            var words: [Substring] = []
            for line in output.split(separator: "\n") {
                let parts = line.split(separator: " ", maxSplits: 2)
                guard parts.first == CurlConfiguration.mark[...] else {
                    words.append(line)
                    continue
                }
                if parts.count > 1 { self.status = Int(parts[1]) ?? 0 }
                if parts.count > 2, parts[2].hasPrefix("\""), parts[2].hasSuffix("\""), parts[2].utf8.count > 2 {
                    self.tag = String(parts[2])
                }
            }
            self.message = words.joined(separator: " ")
        }
    }
}
