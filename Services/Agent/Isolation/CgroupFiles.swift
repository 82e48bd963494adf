#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Synchronization

/// Files of control groups that serve one container after the other, each opened when it is needed first.
///
/// To open a file of a group, behind the names of five directories, costs several times what it costs to read it. They
/// are closed when nobody has this any more; groups can be removed meanwhile, and then every call fails.
final class CgroupFiles: Sendable {
    private let open = Mutex<[Key: Int32]>([:])

    private struct Key: Hashable {
        let path: String
        let flags: Int32
    }

    deinit { self.open.withLock { for number in $0.values { close(number) } } }

    /// Good for as long as this is there.
    func descriptor(_ path: String, _ flags: Int32) throws(SystemError) -> Int32 {
        let key = Key(path: path, flags: flags)
        let result = self.open.withLock { open in
            Result { () throws(SystemError) in
                if let number = open[key] { return number }
                let number = try Descriptor(opening: path, flags).release()
                open[key] = number
                return number
            }
        }
        return try result.get()
    }
}
