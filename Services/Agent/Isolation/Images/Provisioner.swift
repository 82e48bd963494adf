internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Makes images ready by a thread of its own, so that no other launch waits while one is unpacked.
///
/// Confined to one event loop, but for what the thread does.
final class Provisioner {
    private let eventLoop: any EventLoop
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let unpacker = LayerUnpacker()
    private let store: SharedStore

    /// Used by the thread alone.
    private final class SharedStore: Sendable {
        let store: Mutex<ImageStore>

        init(_ store: ImageStore) { self.store = Mutex(store) }
    }

    init(directory: String, settings: ImageSettings, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.store = SharedStore(ImageStore(directory: directory, settings: settings, unpacker: self.unpacker))
        self.pool.start()
        self.change { $0.open() }
    }

    func shutdown() -> EventLoopFuture<Void> {
        self.unpacker.cancel()
        let done = self.eventLoop.makePromise(of: Void.self)
        self.pool.shutdownGracefully { error in if let error { done.fail(error) } else { done.succeed() } }
        return done.futureResult
    }

    private func change(_ body: @escaping @Sendable (inout ImageStore) -> Void) {
        let shared = self.store
        _ = self.pool.runIfActive(eventLoop: self.eventLoop) { shared.store.withLock { body(&$0) } }
    }

    /// Makes an image ready for a run; `done` is called on the loop, unless this is shut down before.
    func provision(
        _ image: ContainerInfo.LocalImage, for run: RunID,
        done: @escaping (Result<ProvisionedRoot, IsolationError>) -> Void
    ) {
        let shared = self.store, done = NIOLoopBound(done, eventLoop: self.eventLoop)
        self.pool.runIfActive(eventLoop: self.eventLoop) { () -> Result<ProvisionedRoot, IsolationError> in
            shared.store.withLock { store in
                Result { () throws(IsolationError) in try store.provision(image, for: run) }
            }
        }.whenSuccess { done.value($0) }
    }

    /// Looks what an image says; `done` as for `provision`.
    func find(
        _ image: ContainerInfo.LocalImage, for run: RunID,
        done: @escaping (Result<ProvisionedRoot, IsolationError>) -> Void
    ) {
        let shared = self.store, done = NIOLoopBound(done, eventLoop: self.eventLoop)
        self.pool.runIfActive(eventLoop: self.eventLoop) { () -> Result<ProvisionedRoot, IsolationError> in
            shared.store.withLock { store in
                Result { () throws(IsolationError) in try store.find(image, for: run) }
            }
        }.whenSuccess { done.value($0) }
    }

    /// A run that has an image has ended: what it wrote into its root goes.
    func release(_ run: RunID) { self.change { $0.release(run) } }

    /// Those of an earlier life that are not live have ended.
    func release(except live: Set<RunID>) { self.change { $0.release(except: live) } }
}
