import NIOCore

/// Where a task runs whose steps belong on an event loop: the callbacks of a driver that runs them inline.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    /// A step in which something on the loop resulted needs no other thread to be woken.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
