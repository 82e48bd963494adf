import Glibc
import Logging
import Model

/// What the process was started with.
enum Environment {
    /// Of that environment variable; nil if it is not set or empty.
    static func value(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// Must be set, by whoever started this.
    static func required(_ name: String, _ why: String) throws(MesetaError) -> String {
        guard let value = self.value(name) else { throw MesetaError(.configuration, "\(name) is not set: \(why)") }
        return value
    }

    /// Writes to standard error: standard output is the user's.
    static func logger(_ label: String) -> Logger {
        var logger = Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = self.value("MESETA_LOG_LEVEL").flatMap(Logger.Level.init(rawValue:)) ?? .warning
        return logger
    }

    /// The user that this process runs as.
    static var user: String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let base = buffer.baseAddress,
                getpwuid_r(getuid(), &entry, base, buffer.count, &found) == 0, found != nil
            else { return self.value("USER") ?? "\(getuid())" }
            return String(cString: entry.pw_name)
        }
    }

    static var hostname: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            buffer.initialize(repeating: 0)
            guard let base = buffer.baseAddress, gethostname(base, buffer.count - 1) == 0 else { return "localhost" }
            return String(cString: base)
        }
    }
}
