import Foundation

/// Holds a thread until it is opened: a process that hangs.
final class DispatchGate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { self.semaphore.wait() }

    func open() { self.semaphore.signal() }
}
