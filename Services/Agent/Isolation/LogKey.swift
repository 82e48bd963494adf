/// The keys of what this module logs.
enum LogKey {
    /// The framework.
    static let frameworkID = "framework"
    /// The run of a container.
    static let runID = "run"
    /// What went wrong.
    static let error = "error"
    /// Why.
    static let reason = "reason"
    /// How long it waits, in seconds.
    static let pause = "pause"
    /// A file or directory.
    static let path = "path"
    /// A position in a file, in bytes.
    static let offset = "offset"
    /// A number of bytes.
    static let bytes = "bytes"
    /// A process.
    static let pid = "pid"
}
