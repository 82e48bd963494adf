#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Synchronization

/// The files of the cache, for all threads that fetch: `fetch-cache/<number>` below the agent's directory, for the agent's
/// eyes only.
///
/// It begins empty: which file was what is not written down.
final class FetchStore: Sendable {
    let directory: String
    private let cache: Mutex<FetchCache>
    private let isPrepared = Mutex(false)

    init(directory: String, limit: Int64) {
        self.directory = directory
        self.cache = Mutex(FetchCache(limit: limit))
    }

    /// Asks for a file until it is there, or has to be downloaded.
    ///
    /// - Parameter isCancelled: Asked often while another thread downloads it.
    func ask(_ key: FetchCache.Key, isCancelled: () -> Bool) throws(FetchError) -> FetchCache.Answer {
        try self.prepare()
        while true {
            let answer = self.cache.withLock { $0.ask(key) }
            guard answer == .wait else { return answer }
            guard !isCancelled() else { throw FetchError("It was killed while its URIs were fetched.") }
            usleep(20_000)
        }
    }

    func downloaded(_ key: FetchCache.Key, bytes: Int64) {
        self.remove(self.cache.withLock { $0.downloaded(key, bytes: bytes) })
    }

    func failed(_ key: FetchCache.Key, file: UInt64) {
        unlink("\(self.directory)/\(file)")
        self.cache.withLock { $0.failed(key) }
    }

    func release(_ key: FetchCache.Key) { self.remove(self.cache.withLock { $0.release(key) }) }

    /// Those who read them go on reading.
    private func remove(_ files: [UInt64]) {
        for file in files { unlink("\(self.directory)/\(file)") }
    }

    private func prepare() throws(FetchError) {
        let problem = self.isPrepared.withLock { isPrepared -> SystemError? in
            if isPrepared { return nil }
            do throws(SystemError) {
                try Files.makeDirectories(self.directory, mode: 0o700)
            } catch {
                return error
            }
            for name in Files.names(in: self.directory) { unlink("\(self.directory)/\(name)") }
            isPrepared = true
            return nil
        }
        if let problem { throw FetchError("The cache for what is fetched cannot be made: \(problem).") }
    }
}
