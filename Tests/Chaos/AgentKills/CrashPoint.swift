import Foundation

/// Ends a process after so many of its operations on files, through the library `CrashPoint`.
final class CrashPoint: @unchecked Sendable {
    // Unchecked: the memory is shared with another process anyway, and each cell of it is one word.
    private let file: String
    private let memory: UnsafeMutablePointer<Int64>

    /// What the agent has to find in its environment.
    let environment: [String: String]

    /// - Parameter library: `libCrashPoint.so`.
    init(below directory: URL, library: URL) throws {
        guard FileManager.default.fileExists(atPath: library.path) else {
            throw Failure("\(library.path) is not there: build all of the package")
        }
        self.file = directory.appendingPathComponent("crashpoint").path
        let size = 3 * MemoryLayout<Int64>.size
        guard FileManager.default.createFile(atPath: self.file, contents: Data(count: size)) else {
            throw Failure("cannot make \(self.file)")
        }
        let descriptor = open(self.file, O_RDWR)
        defer { close(descriptor) }
        let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard descriptor >= 0, address != MAP_FAILED, let address else { throw Failure("cannot map \(self.file)") }
        self.memory = address.assumingMemoryBound(to: Int64.self)
        self.environment = ["LD_PRELOAD": library.path, "CRASHPOINT_FILE": self.file]
    }

    /// From now on, the process ends after so many operations.
    func arm(after operations: Int, tearing: Bool) {
        self.memory[1] = tearing ? 1 : 0
        self.memory[0] = Int64(operations)
    }

    /// Takes it back; whether it had not struck yet.
    func disarm() -> Bool {
        let left = self.memory[0]
        self.memory[0] = 0
        return left > 0
    }

    /// All that were made since the start.
    var operations: Int { Int(self.memory[2]) }
}
