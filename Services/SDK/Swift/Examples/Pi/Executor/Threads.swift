import Glibc

/// What a new thread is handed.
private final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `work` in a thread of its own.
///
/// False if the system has none left.
func startThread(_ work: @escaping @Sendable () -> Void) -> Bool {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Work(work))
    let error = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, context.toOpaque())
    guard error == 0 else {
        context.release()
        return false
    }
    pthread_detach(thread)
    return true
}
