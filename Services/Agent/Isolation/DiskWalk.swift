#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Counts what a directory and all below it take up on its disk, in steps.
///
/// Blocks, not sizes: holes are free. A file with several names counts once. What is mounted below is another disk, and
/// no link is followed. One directory is open at a time, however deep the tree: from one to the next it goes by name,
/// and back by `..` if that still leads where it came from.
final class DiskWalk {
    /// Bytes found so far.
    private(set) var bytes: UInt64 = 0
    /// Entries looked at so far.
    private(set) var entries = 0

    /// A directory on the way from the top to where the walk is.
    private struct Level {
        let name: String
        let inode: ino_t
        /// Directories in it that are still to be looked into.
        var pending: [String] = []
    }

    private let top: String
    private let device: dev_t
    private var levels: [Level]
    /// The directory of the last level.
    private var place: Descriptor
    /// While its entries are being read.
    private var stream: OpaquePointer?
    /// Files with several names that were counted.
    private var seen: Set<ino_t> = []

    /// Beyond so many a file with several names counts for each name with a part of its size.
    private static let seenLimit = 1 << 18

    /// Begins at a directory; nil if it is none, or not there.
    init?(of top: String) {
        guard let place = try? Descriptor(opening: top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            let about = try? place.status()
        else { return nil }
        self.top = top
        self.device = about.st_dev
        self.levels = [Level(name: "", inode: about.st_ino)]
        self.place = place
        self.bytes = UInt64(about.st_blocks) * 512
        self.stream = Self.stream(of: self.place)
    }

    deinit { if let stream { closedir(stream) } }

    /// Looks at some more entries.
    ///
    /// - Parameter limit: Roughly how many.
    /// - Returns: Whether all has been seen.
    func step(entries limit: Int) -> Bool {
        let end = self.entries + limit
        while self.entries < end {
            if let stream {
                self.read(stream, until: end)
            } else if !self.moveOn() {
                return true
            }
        }
        return false
    }

    private func read(_ stream: OpaquePointer, until end: Int) {
        while self.entries < end {
            guard let entry = readdir(stream) else {
                closedir(stream)
                self.stream = nil
                return
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { self.count(name) }
        }
    }

    private func count(_ name: String) {
        self.entries += 1
        var about = stat()
        guard fstatat(self.place.number, name, &about, AT_SYMLINK_NOFOLLOW) == 0, about.st_dev == self.device else {
            return
        }
        let size = UInt64(about.st_blocks) * 512
        if about.st_mode & S_IFMT == S_IFDIR {
            self.bytes += size
            self.levels[self.levels.count - 1].pending.append(name)
        } else if about.st_nlink <= 1 {
            self.bytes += size
        } else if self.seen.count >= Self.seenLimit {
            self.bytes += self.seen.contains(about.st_ino) ? 0 : size / UInt64(about.st_nlink)
        } else if self.seen.insert(about.st_ino).inserted {
            self.bytes += size
        }
    }

    /// To the next directory: one below, or below one above.
    ///
    /// - Returns: Whether there is one.
    private func moveOn() -> Bool {
        while !self.levels.isEmpty {
            while let name = self.levels[self.levels.count - 1].pending.popLast() {
                self.entries += 1
                guard let next = try? Descriptor(opening: name, in: self.place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                    let about = try? next.status(), about.st_dev == self.device
                else { continue }
                self.place = next
                self.levels.append(Level(name: name, inode: about.st_ino))
                self.stream = Self.stream(of: self.place)
                return true
            }
            self.levels.removeLast()
            while !self.levels.isEmpty, !self.goBack() { self.levels.removeLast() }
        }
        return false
    }

    /// To the directory of the last level; whether it is still there.
    private func goBack() -> Bool {
        self.entries += 1
        if let above = try? Descriptor(opening: "..", in: self.place, O_RDONLY | O_DIRECTORY),
            self.isLast(above)
        {
            self.place = above
            return true
        }
        // It was moved or removed meanwhile: by its name from the top.
        guard var place = try? Descriptor(opening: self.top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return false }
        for level in self.levels.dropFirst() {
            guard let next = try? Descriptor(opening: level.name, in: place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else {
                return false
            }
            place = next
        }
        guard self.isLast(place) else { return false }
        self.place = place
        return true
    }

    private func isLast(_ place: borrowing Descriptor) -> Bool {
        guard let about = try? place.status(), let last = self.levels.last else { return false }
        return about.st_dev == self.device && about.st_ino == last.inode
    }

    /// Reads a directory that stays open; nil if it may not be read.
    private static func stream(of place: borrowing Descriptor) -> OpaquePointer? {
        guard let copy = try? Descriptor(opening: ".", in: place, O_RDONLY | O_DIRECTORY) else { return nil }
        let number = copy.release()
        let stream = fdopendir(number)
        if stream == nil { close(number) }
        return stream
    }
}
