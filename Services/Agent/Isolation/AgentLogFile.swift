public import Logging
public import Model
public import NIOCore
internal import NIOPosix

/// How far a record must get before it counts as written.
public enum LogSync: String, Hashable, Sendable, CaseIterable {
    /// To the disk: it survives the machine's end (`fdatasync`, about 0.15 ms for each group).
    case host
    /// To the kernel: it survives the agent's end, and not the machine's.
    case process
}

/// Why a log cannot be used.
public struct AgentLogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, where, and what to do.
    public let description: String
}

/// An agent's log: records that survive its end.
///
/// Confined to one event loop. What is appended in one turn of the loop, and while an earlier group is being
/// written, becomes one group: one write and one sync, by a thread beside the loop, or by the loop where records are few and
/// the disk is quick. Where there are many records, what comes within two milliseconds is one group, too (`LogPace`).
/// `onLogged` tells how many records are safe.
public final class AgentLogFile {
    /// So many of the records appended since the log was opened are safe.
    public var onLogged: (UInt64) -> Void = { _ in }
    /// The disk failed; one that is only full is tried again, and meanwhile `onLogged` does not come.
    ///
    /// Nothing is written any more, and `onLogged` does not come again: the agent must end.
    public var onFailure: (AgentLogError) -> Void = { _ in }

    private let eventLoop: any EventLoop
    private let logger: Logger
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let storage: LogStorage
    private var waiting: Bytes = []
    private var appended: UInt64 = 0
    /// Of those, how many are written or on their way.
    private var begun: UInt64 = 0
    /// Of the records that a rewritten log holds instead of what waits.
    private var replacement: Bytes?
    private var isWriting = false
    private var isFlushScheduled = false
    private var isLateFlushScheduled = false
    private var isFull = false
    /// The disk was full when it was written to last, and that was said.
    private var isFullSaid = false
    /// For tests: how closely groups follow each other.
    var pace = LogPace()
    private var isPacing = false
    private var hasFailed = false
    private var isClosed = false
    /// What `close` waits with until the last write is done.
    private var onIdle: (() -> Void)?
    /// Bytes of the file.
    public private(set) var size: Int
    /// Bytes of the file when it was last rewritten, or opened.
    private var baseSize: Int

    /// The log is worth rewriting when it has twice the bytes it began with, and this many more.
    private static let rewriteAfter = 4 << 20

    /// Opens or makes the log of a directory.
    ///
    /// Blocks: for the start of a process.
    ///
    /// - Returns: The log, and the records in it, in order.
    /// - Throws: If another agent has it, it cannot be read, or it is damaged where it must not be.
    public static func open(
        directory: String, sync: LogSync, eventLoop: any EventLoop, logger: Logger
    ) throws(AgentLogError) -> (log: AgentLogFile, records: [Bytes]) {
        var records: [Bytes] = [], torn = 0
        let storage = try LogStorage.open(
            directory: directory, isSynced: sync == .host, records: &records, torn: &torn)
        if torn > 0 {
            logger.warning(
                "The log ended in a group that was not finished, which is cut off; nothing of it was promised",
                metadata: [
                    LogKey.path: "\(directory)/log", LogKey.offset: "\(storage.size)", LogKey.bytes: "\(torn)",
                ])
        }
        return (AgentLogFile(storage, eventLoop, logger), records)
    }

    private init(_ storage: LogStorage, _ eventLoop: any EventLoop, _ logger: Logger) {
        self.storage = storage
        self.eventLoop = eventLoop
        self.logger = logger
        self.size = storage.size
        self.baseSize = storage.size
        self.pool.start()
    }

    /// Adds a record; `onLogged` follows when it is safe.
    ///
    /// - Parameter isUrgent: Whether it is written as soon as the disk is free; otherwise with the next group, or in
    ///   `lateness` on its own.
    /// - Returns: Its index, from 1.
    @discardableResult
    public func append(_ record: Bytes, isUrgent: Bool = true) -> UInt64 {
        self.eventLoop.preconditionInEventLoop()
        LogFormat.append(record: record, to: &self.waiting)
        self.appended += 1
        if isUrgent { self.scheduleFlush() } else { self.scheduleLateFlush() }
        return self.appended
    }

    private static let lateness = TimeAmount.milliseconds(100)
    /// Between two attempts to write to a full disk.
    private static let fullPause = TimeAmount.seconds(1)

    /// Whether `compact` would give back much of the disk.
    public var isWorthCompacting: Bool {
        self.replacement == nil && self.size > 2 * self.baseSize + Self.rewriteAfter
    }

    /// Puts a new log in the place of this one.
    ///
    /// - Parameter records: What stands for everything appended until now, whether it is safe yet or not; `onLogged`
    ///   follows for that when the new log is safe.
    public func compact(_ records: [Bytes]) {
        self.eventLoop.preconditionInEventLoop()
        var replacement: Bytes = []
        for record in records { LogFormat.append(record: record, to: &replacement) }
        self.replacement = replacement
        self.waiting.removeAll()
        self.scheduleFlush()
    }

    /// Writes what waits, then gives the directory free.
    ///
    /// What a full disk does not take then is lost; nobody was told that it is safe.
    public func close() -> EventLoopFuture<Void> {
        self.eventLoop.preconditionInEventLoop()
        self.isFlushScheduled = false
        self.isFull = false
        self.write()
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.finish(promise)
        return promise.futureResult
    }

    private func finish(_ promise: EventLoopPromise<Void>) {
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let storage = self.storage
        guard !self.hasFailed, self.isWriting else {
            // The thread does one thing after the other, so this comes behind the last write.
            self.isClosed = true
            self.pool.runIfActive(eventLoop: self.eventLoop) { storage.close() }.whenComplete { _ in
                this.value.pool.shutdownGracefully { _ in promise.succeed() }
            }
            return
        }
        self.onIdle = { this.value.finish(promise) }
    }

    private func scheduleFlush() {
        guard !self.isFlushScheduled, !self.isWriting else { return }
        self.isFlushScheduled = true
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.execute {
            guard this.value.isFlushScheduled else { return }
            this.value.isFlushScheduled = false
            this.value.flush()
        }
    }

    private func scheduleLateFlush() {
        guard !self.isLateFlushScheduled else { return }
        self.isLateFlushScheduled = true
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.scheduleTask(in: Self.lateness) {
            this.value.isLateFlushScheduled = false
            this.value.flush()
        }
    }

    private var hasWork: Bool {
        let isPossible = !self.isWriting && !self.isFull && !self.hasFailed && !self.isClosed
        return isPossible && (self.replacement != nil || !self.waiting.isEmpty)
    }

    /// Writes what waits, when it is time.
    private func flush() {
        guard self.hasWork, !self.isPacing else { return }
        let pause = self.pace.pause(at: .now())
        guard pause > .zero else { return self.write(mayBlock: self.pace.isQuick && self.replacement == nil) }
        self.isPacing = true
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.scheduleTask(in: pause) {
            this.value.isPacing = false
            this.value.write()
        }
    }

    /// - Parameter mayBlock: Whether the loop may do it itself.
    private func write(mayBlock: Bool = false) {
        guard self.hasWork else { return }
        self.isWriting = true
        self.pace.began(at: .now(), records: self.appended - self.begun)
        self.begun = self.appended
        let index = self.appended, storage = self.storage
        let replacement = self.replacement
        // What was appended behind a compaction is a group of its own.
        let records = self.waiting
        self.waiting = []
        self.replacement = nil
        let work: @Sendable () -> Written = {
            let start = NIODeadline.now()
            let size = Result { () throws(SystemError) in
                if let replacement { try storage.rewrite(replacement) }
                if !records.isEmpty { try storage.append(records) }
                return storage.size
            }
            return Written(size: size, duration: .now() - start)
        }
        if mayBlock { return self.written(upTo: index, records, replacing: replacement, work()) }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.pool.runIfActive(eventLoop: self.eventLoop, work).whenSuccess {
            this.value.written(upTo: index, records, replacing: replacement, $0)
        }
    }

    /// What came of writing a group.
    private struct Written: Sendable {
        /// Bytes of the file.
        var size: Result<Int, SystemError>
        var duration: TimeAmount
    }

    private func written(
        upTo index: UInt64, _ records: Bytes, replacing replacement: Bytes?, _ outcome: Written
    ) {
        self.isWriting = false
        self.pace.ended(after: outcome.duration)
        switch outcome.size {
        case .success(let size):
            self.size = size
            if replacement != nil { self.baseSize = size }
            if self.isFullSaid { self.logger.notice("There is room on the disk again: the log goes on") }
            self.isFullSaid = false
            self.onLogged(index)
            // Whoever closes does not wait for others.
            if self.onIdle == nil { self.scheduleFlush() } else { self.write() }
        case .failure(let error) where error.meansFull:
            if !self.isFullSaid {
                self.logger.warning(
                    "The disk is full: the log waits, and with it all that is new, until there is room",
                    metadata: [LogKey.error: "\(error)"])
            }
            self.isFullSaid = true
            // A compaction that was asked for meanwhile stands for these as well.
            if self.replacement == nil {
                self.replacement = replacement
                self.waiting.insert(contentsOf: records, at: 0)
            }
            self.isFull = true
            // Whoever closes has tried for the last time.
            guard self.onIdle == nil else { break }
            let this = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.eventLoop.scheduleTask(in: Self.fullPause) {
                this.value.isFull = false
                this.value.flush()
            }
        case .failure(let error):
            self.hasFailed = true
            self.logger.critical("The log cannot be written", metadata: [LogKey.error: "\(error)"])
            self.onFailure(.system(error, "the log"))
        }
        if !self.isWriting, let onIdle {
            self.onIdle = nil
            onIdle()
        }
    }
}

@available(*, unavailable)
extension AgentLogFile: Sendable {}

extension AgentLogError {
    static func system(_ error: SystemError, _ path: String) -> AgentLogError {
        AgentLogError(description: "\(path): \(error)")
    }
}
