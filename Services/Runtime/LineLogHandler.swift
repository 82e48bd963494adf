public import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Writes each event as one line to a file descriptor, in one piece.
///
///     2026-01-01T00:00:00.000Z notice meseta-relay: Agent attached agent_id=1-A7 attachment=3.1
///
/// Keys are in alphabetical order. A value with spaces, quotes or control characters is quoted, so a line stays a line.
public struct LineLogHandler: LogHandler {
    /// Attached to every line.
    public var metadata: Logger.Metadata = [:]
    /// Attached to every line, asked each time.
    public var metadataProvider: Logger.MetadataProvider?
    /// Lower ones are not written.
    public var logLevel: Logger.Level

    private let label: String
    private let descriptor: Int32

    /// Writes to standard output unless told otherwise.
    public init(label: String, level: Logger.Level = .info, descriptor: Int32 = 1) {
        self.label = label
        self.logLevel = level
        self.descriptor = descriptor
    }

    /// A logger that writes to standard output.
    public static func logger(label: String, level: Logger.Level) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, level: level) }
    }

    /// The value of one key, attached to every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    /// Writes the line.
    public func log(event: LogEvent) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var line = Self.timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
        line += " \(event.level) \(self.label): \(event.message)"
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let given = event.metadata { metadata.merge(given) { $1 } }
        if let error = event.error { metadata[LogKey.error] = "\(error)" }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)="
            Self.append("\(value)", to: &line)
        }
        line += "\n"
        Self.write(&line, to: self.descriptor)
    }

    /// A point in time as `2026-01-01T00:00:00.000Z`.
    static func timestamp(seconds: Int64, nanoseconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func pad(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
            + "T\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
            + ".\(pad(nanoseconds / 1_000_000, 3))Z"
    }

    private static func append(_ value: String, to line: inout String) {
        let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x7F }
        if isPlain {
            line += value
            return
        }
        line += JSONText.quoted(value)
    }

    private static func write(_ line: inout String, to descriptor: Int32) {
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                #if canImport(Glibc)
                    let written = Glibc.write(descriptor, rest.baseAddress!, rest.count)
                #else
                    let written = Musl.write(descriptor, rest.baseAddress!, rest.count)
                #endif
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { return }  // Nobody reads: a log that cannot be written stops nothing.
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}

/// The little JSON that this module writes.
enum JSONText {
    /// A string in quotes, what needs it escaped.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
