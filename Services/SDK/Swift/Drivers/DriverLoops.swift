import NIOCore
import NIOPosix
import Synchronization

/// The event loops that the schedulers of this process share, however many they are.
///
/// Threads that take turns cost more than what they do: a scheduler is woken for a message, and its loop is idle again. So there are
/// no more loops than processors, and a process with one scheduler has one. They live as long as the process.
enum DriverLoops {
    private struct State {
        var groups: [MultiThreadedEventLoopGroup] = []
        var next = 0
    }

    private static let state = Mutex(State())

    /// The loop of one more scheduler: a new one while there are fewer than processors, then the others in turn.
    static func next() -> any EventLoop {
        self.state.withLock { state in
            if state.groups.count < System.coreCount, state.next == state.groups.count {
                state.groups.append(MultiThreadedEventLoopGroup(numberOfThreads: 1))
            }
            defer { state.next = (state.next + 1) % System.coreCount }
            return state.groups[state.next].next()
        }
    }
}
