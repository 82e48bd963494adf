@preconcurrency internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The pipe that the signal handler writes to.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Waits for SIGTERM and SIGINT.
///
/// By a handler and a pipe: a handler is forgotten when a child process starts, whereas an ignored or blocked signal would
/// stay so in every task.
enum Signals {
    /// The signals that end a process, in turn as they come.
    ///
    /// The second one ends the process at once.
    ///
    /// Called once.
    static func termination() -> AsyncStream<Int32> {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe for signals: error \(errno)")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        signalPipe = ends[1]
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(signalPipe, &byte, 1)
        }
        action.sa_flags = SA_RESTART
        for number in [SIGTERM, SIGINT] { sigaction(number, &action, nil) }

        let readEnd = ends[0]
        let source = DispatchSource.makeReadSource(fileDescriptor: readEnd, queue: .global())
        return AsyncStream { continuation in
            source.setEventHandler {
                var byte: UInt8 = 0
                while read(readEnd, &byte, 1) == 1 { continuation.yield(Int32(byte)) }
            }
            source.activate()
            continuation.onTermination = { _ in source.cancel() }
        }
    }

    static func name(_ number: Int32) -> String {
        switch number {
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        default: "\(number)"
        }
    }
}
