import Foundation
import Model
import Synchronization
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What tasks print stays within a bound, and readers lose nothing of what is kept.
@Suite struct OutputBoundTests {
    private static func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/meseta-bound-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer {
            var remover = TreeRemover()
            _ = remover.remove(directory)
        }
        try body(directory)
    }

    private static func append(_ bytes: [UInt8], to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        #expect(write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    /// Bytes that tell where they stand: no zero among them.
    private static func pattern(_ range: Range<Int>) -> [UInt8] { range.map { UInt8($0 % 251 + 1) } }

    private static func blocks(_ path: String) -> Int {
        var about = stat()
        lstat(path, &about)
        return Int(about.st_blocks) * 512
    }

    @Test("The head of a long output goes; the newest stays at its place, and the room is free")
    func cutting() throws {
        try Self.withDirectory { directory in
            let path = directory + "/stdout", bound = OutputBound(limit: 256 << 10)
            Self.append(Self.pattern(0..<(200 << 10)), to: path)
            #expect(bound.hold(directory) == [])
            Self.append(Self.pattern((200 << 10)..<(1 << 20)), to: path)
            let cut = Int64((1 << 20) - (256 << 10))
            #expect(bound.hold(directory) == [.cut(file: "stdout", bytes: cut)])
            #expect(bound.hold(directory) == [])
            #expect(Self.blocks(path) <= (256 << 10) + 8192)
            let files = SandboxFiles(root: directory)
            #expect(try files.status(["stdout"], isOutput: true).head == cut)
            #expect(try files.status(["stdout"], isOutput: true).size == 1 << 20)
            // Asked for from the start, it begins with what is left.
            let piece = try files.read(["stdout"], offset: 0, length: 1000, isOutput: true)
            #expect(piece.offset == cut && piece.bytes == Self.pattern(Int(cut)..<Int(cut) + 1000))
            let end = try files.read(["stdout"], offset: -5, length: 100, isOutput: true)
            #expect(end.bytes == Self.pattern((1 << 20) - 5..<1 << 20))
            // A file that is no output has its zeros.
            #expect(try files.read(["stdout"], offset: 0, length: 3).bytes == [0, 0, 0])
        }
    }

    @Test("A reader that follows while a writer writes and the head is cut sees every byte once")
    func following() throws {
        try Self.withDirectory { directory in
            let total = 8 << 20, chunk = 64 << 10
            // Threads of their own: all three block.
            let isOver = Atomic(false), cut = Atomic<Int64>(0)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                for start in stride(from: 0, to: total, by: chunk) {
                    Self.append(Self.pattern(start..<start + chunk), to: directory + "/stdout")
                    usleep(1000)
                }
                done.signal()
            }
            Thread.detachNewThread {
                let bound = OutputBound(limit: 512 << 10)
                while !isOver.load(ordering: .relaxed) {
                    for case .cut(_, let bytes) in bound.hold(directory) {
                        cut.wrappingAdd(bytes, ordering: .relaxed)
                    }
                    usleep(1000)
                }
                done.signal()
            }
            let files = SandboxFiles(root: directory)
            var offset: Int64 = 0, missed: Int64 = 0
            let deadline = ContinuousClock.now + .seconds(60)
            while offset < total, ContinuousClock.now < deadline {
                guard let piece = try? files.read(["stdout"], offset: offset, length: 100_000, isOutput: true) else {
                    continue
                }
                missed += piece.offset - offset
                let place = Int(piece.offset)
                #expect(piece.bytes == Self.pattern(place..<place + piece.bytes.count))
                offset = piece.offset + Int64(piece.bytes.count)
            }
            isOver.store(true, ordering: .relaxed)
            for _ in 0..<2 { done.wait() }
            #expect(offset == total)
            #expect(cut.load(ordering: .relaxed) > 0)
            // One that falls behind is told so by the place of what it gets, never by zeros.
            #expect(missed < total)
        }
    }

    @Test("Links, pipes, directories, files of two names and sparse files are neither followed nor waited for")
    func evilFiles() throws {
        try Self.withDirectory { directory in
            let bound = OutputBound(limit: 64 << 10), victim = directory + "/victim"
            Self.append([UInt8](repeating: 7, count: 1 << 20), to: victim)
            let path = directory + "/stdout"
            symlink(victim, path)
            #expect(bound.hold(directory) == [])
            unlink(path)
            link(victim, path)
            #expect(bound.hold(directory) == [])
            unlink(path)
            mkfifo(path, 0o600)
            #expect(bound.hold(directory) == [])
            unlink(path)
            mkdir(path, 0o700)
            #expect(bound.hold(directory) == [])
            rmdir(path)
            #expect(Self.blocks(victim) >= 1 << 20)
            // A terabyte of nothing takes no room, and is read from its end at once.
            close(open(path, O_WRONLY | O_CREAT, 0o600))
            truncate(path, 1 << 40)
            #expect(bound.hold(directory) == [])
            let piece = try SandboxFiles(root: directory).read(["stdout"], offset: 0, length: 10, isOutput: true)
            #expect(piece.offset == 1 << 40 && piece.bytes.isEmpty)
        }
    }

    @Test("Where the file system has no holes an output is emptied, and it is said how much is lost")
    func withoutHoles() throws {
        try Self.withDirectory { directory in
            let bound = OutputBound(limit: 64 << 10, punch: { _, _ in EOPNOTSUPP })
            Self.append(Self.pattern(0..<(1 << 20)), to: directory + "/stdout")
            #expect(bound.hold(directory) == [.emptied(file: "stdout", bytes: 1 << 20)])
            Self.append([1, 2, 3], to: directory + "/stdout")
            let piece = try SandboxFiles(root: directory).read(["stdout"], offset: 0, length: 10, isOutput: true)
            #expect(piece.bytes == [1, 2, 3])
            let failing = OutputBound(limit: 1 << 10, punch: { _, _ in EIO })
            Self.append(Self.pattern(0..<(1 << 20)), to: directory + "/stderr")
            guard case .failed(file: "stderr", _)? = failing.hold(directory).first else {
                Issue.record("a failure is not told")
                return
            }
        }
    }
}
