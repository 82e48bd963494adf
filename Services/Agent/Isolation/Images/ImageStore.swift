internal import Crypto
internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The images of an agent: where they come from, and what of them is unpacked on its disk.
///
/// Below the agent's directory:
///
///     images/<key>/tree      a layer, as an overlay takes it; `<key>/bytes` says how much it is
///     images/.new-...        one that is being unpacked; what is found at a start is removed
///     roots/<run>/           of a run: `upper`, `work`, the mount point `root`, and `layers`, the keys in use
///
/// Used by one thread at a time.
struct ImageStore {
    private let directory: String
    private let imageDirectories: [String]
    private let unpacker: LayerUnpacker
    private var cache: ImageCache

    private static let metadataLimit = 4 << 20

    init(directory: String, settings: ImageSettings, unpacker: LayerUnpacker) {
        self.directory = directory
        self.imageDirectories = settings.imageDirectories
        self.unpacker = unpacker
        self.cache = ImageCache(limit: Int64(settings.cacheBytes))
    }

    private var images: String { self.directory + "/images" }
    private func root(of run: RunID) -> String { "\(self.directory)/roots/\(run)" }

    /// Of a layer, by its key or, if it is a directory as it is, its path.
    private func tree(of layer: String) -> String { layer.hasPrefix("/") ? layer : "\(self.images)/\(layer)/tree" }

    /// What a run has written into its root.
    static func upper(of run: RunID, below directory: String) -> String { "\(directory)/roots/\(run)/upper" }

    // MARK: - At a start

    /// Takes over what an earlier life left: the layers that are whole, and those that containers use.
    mutating func open() {
        var found: [(key: String, bytes: Int64, used: Int)] = []
        for name in Files.names(in: self.images) {
            let path = "\(self.images)/\(name)"
            var about = stat()
            guard !name.hasPrefix("."), let text = Files.text(path + "/bytes"), let bytes = Int64(text),
                stat(path + "/bytes", &about) == 0
            else {
                Self.remove(path)
                continue
            }
            found.append((name, bytes, Int(about.st_mtim.tv_sec)))
        }
        for layer in found.sorted(by: { ($0.used, $0.key) < ($1.used, $1.key) }) {
            self.cache.add(layer.key, bytes: layer.bytes)
        }
        for name in Files.names(in: self.directory + "/roots") {
            guard let run = RunID(name) else { continue }
            for key in (Files.text("\(self.root(of: run))/layers") ?? "").split(separator: "\n") {
                self.cache.pin(String(key), by: run)
            }
        }
    }

    /// Removes the roots of runs that are no more.
    mutating func release(except live: Set<RunID>) {
        for name in Files.names(in: self.directory + "/roots") {
            guard let run = RunID(name), !live.contains(run) else { continue }
            self.release(run)
        }
    }

    // MARK: - Runs

    /// Makes ready what a run's root is mounted from.
    mutating func provision(_ image: ContainerInfo.LocalImage, for run: RunID) throws(IsolationError) -> ProvisionedRoot
    {
        let path = try self.allowed(image.path)
        do throws(ImageError) {
            do throws(SystemError) {
                // Nobody else's: programs in them may change users.
                for directory in [self.images, self.directory + "/roots"] {
                    try Files.makeDirectory(directory, mode: 0o700)
                }
            } catch {
                throw ImageError("there is no room for it: \(error)")
            }
            let (layers, config) = try self.layers(of: path, image.reference, run)
            let root = self.root(of: run)
            do throws(SystemError) {
                for part in ["upper", "work", "root"] { try Files.makeDirectories("\(root)/\(part)") }
                let keys = layers.filter { !$0.hasPrefix("/") }.joined(separator: "\n")
                let file = try Descriptor(opening: root + "/layers", O_WRONLY | O_CREAT | O_TRUNC)
                try file.write(all: Array(keys.utf8))
            } catch {
                throw ImageError("it has no room: \(error)")
            }
            let lower = layers.reversed().map { Self.escaped($0.hasPrefix("/") ? $0 : $0 + "/tree") }
            let options =
                "lowerdir=\(lower.joined(separator: ":")),upperdir=\(Self.escaped(root + "/upper")),"
                + "workdir=\(Self.escaped(root + "/work"))"
            guard options.utf8.count < Self.optionsLimit else {
                throw ImageError("it has \(layers.count) layers, more than one overlay takes below \(self.directory)")
            }
            return ProvisionedRoot(
                base: self.images, options: options, target: root + "/root", config: config,
                layers: layers.map { self.tree(of: $0) })
        } catch {
            self.release(run)
            throw IsolationError("The image \(image.path) cannot be used: \(error)")
        }
    }

    /// What the image of a run says that has been started already; nothing is mounted from this.
    func find(_ image: ContainerInfo.LocalImage, for run: RunID) throws(IsolationError) -> ProvisionedRoot {
        let path = try self.allowed(image.path)
        var config = ImageConfig()
        if access(path + "/oci-layout", F_OK) == 0 {
            do throws(ImageError) { config = try Self.image(at: path, image.reference).config } catch {
                throw IsolationError("The image \(image.path) cannot be used: \(error)")
            }
        }
        let root = self.root(of: run), keys = (Files.text(root + "/layers") ?? "").split(separator: "\n")
        return ProvisionedRoot(
            base: self.images, options: "", target: root + "/root", config: config,
            layers: keys.map { self.tree(of: String($0)) })
    }

    /// One page, as the kernel takes it.
    private static let optionsLimit = 4096

    /// What means something in the options of an overlay.
    private static func escaped(_ path: String) -> String {
        path.replacing("\\", with: "\\\\").replacing(":", with: "\\:").replacing(",", with: "\\,")
    }

    /// A run has ended, or came to nothing: what it wrote into its root goes.
    mutating func release(_ run: RunID) {
        self.cache.release(run)
        Self.remove(self.root(of: run))
        rmdir(self.directory + "/roots")
        for key in self.cache.evict() { Self.remove("\(self.images)/\(key)") }
    }

    private static func remove(_ path: String) {
        var remover = TreeRemover()
        _ = remover.remove(path)
    }

    // MARK: - Images

    /// Where an image really is, if it may be used.
    private func allowed(_ path: String) throws(IsolationError) -> String {
        guard !self.imageDirectories.isEmpty else {
            throw IsolationError(
                "This agent takes no images: name the directories that hold them with --image-dirs when it is started")
        }
        guard let real = Files.realPath(path) else {
            throw IsolationError("The image \(path) cannot be found on this agent", errno: errno)
        }
        let isAllowed = self.imageDirectories.contains {
            Files.realPath($0).map { real == $0 || real.hasPrefix($0 == "/" ? "/" : $0 + "/") } ?? false
        }
        guard isAllowed else {
            throw IsolationError(
                "The image \(path) is in none of the directories that this agent takes images from (--image-dirs): "
                    + self.imageDirectories.joined(separator: ", "))
        }
        return real
    }

    /// The layers of an image from the lowest on: keys of the cache, or the path of a directory as it is.
    private mutating func layers(
        of path: String, _ reference: String?, _ run: RunID
    ) throws(ImageError) -> ([String], ImageConfig) {
        var about = stat()
        guard stat(path, &about) == 0 else { throw ImageError(String(errno: errno)) }
        switch about.st_mode & S_IFMT {
        case S_IFDIR where access(path + "/oci-layout", F_OK) == 0:
            let image = try Self.image(at: path, reference)
            var keys: [String] = []
            for layer in image.layers {
                // Half of the digest is as good as none other has.
                let key = String(layer.digest.hex.prefix(32))
                if !self.cache.contains(key) {
                    let archive = "\(path)/\(layer.digest.path)"
                    try self.verify(archive, layer)
                    try self.unpack(archive, as: key, isLayer: true)
                }
                self.cache.pin(key, by: run)
                self.touch(key)
                keys.append(key)
            }
            return (keys, image.config)
        case S_IFDIR: return ([path], ImageConfig())
        case S_IFREG:
            let identity =
                "\(path) \(about.st_dev) \(about.st_ino) \(about.st_size) \(about.st_mtim.tv_sec) \(about.st_mtim.tv_nsec)"
            let key = "archive-" + Self.hex(SHA256.hash(data: Array(identity.utf8))).prefix(24)
            if !self.cache.contains(key) { try self.unpack(path, as: key, isLayer: false) }
            self.cache.pin(key, by: run)
            self.touch(key)
            return ([key], ImageConfig())
        default: throw ImageError("it is neither a directory nor a file")
        }
    }

    /// Notes the use, for the order after a restart.
    private func touch(_ key: String) { utimensat(AT_FDCWD, "\(self.images)/\(key)/bytes", nil, 0) }

    private mutating func unpack(_ archive: String, as key: String, isLayer: Bool) throws(ImageError) {
        let fresh = "\(self.images)/.new-\(key)"
        Self.remove(fresh)
        do throws(ImageError) {
            let bytes = try self.unpacker.unpack(archive, into: fresh, isLayer: isLayer)
            guard bytes <= self.cache.limit else {
                throw ImageError(
                    "a part of it takes \(bytes >> 20) MiB, more than all unpacked images may (--image-cache-size "
                        + "\(self.cache.limit >> 20)MiB)")
            }
            for other in self.cache.evict(toAdd: bytes) { Self.remove("\(self.images)/\(other)") }
            guard rename(fresh, "\(self.images)/\(key)") == 0 else {
                throw ImageError("\(SystemError("rename", fresh))")
            }
            self.cache.add(key, bytes: bytes)
        } catch {
            Self.remove(fresh)
            throw error
        }
    }

    // MARK: - OCI image layouts

    /// As Go names what this program was built for.
    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    private static func image(at path: String, _ reference: String?) throws(ImageError) -> OCIImage {
        try OCIImage(reference: reference, architecture: Self.architecture) {
            (name, descriptor) throws(ImageError) in try Self.metadata(path, name, descriptor)
        }
    }

    private static func metadata(
        _ layout: String, _ name: String, _ descriptor: OCIDescriptor?
    ) throws(ImageError) -> Bytes {
        let bytes: Bytes
        do throws(SystemError) {
            let file = try Descriptor(opening: "\(layout)/\(name)", O_RDONLY | O_NONBLOCK)
            bytes = try file.read(upTo: Self.metadataLimit + 1)
        } catch {
            throw ImageError("its \(name) cannot be read: \(error)")
        }
        guard bytes.count <= Self.metadataLimit else {
            throw ImageError("its \(name) is longer than \(Self.metadataLimit >> 20) MiB")
        }
        guard let descriptor else { return bytes }
        let found = Self.hex(SHA256.hash(data: bytes))
        guard bytes.count == descriptor.size, found == descriptor.digest.hex else {
            throw ImageError("the blob \(descriptor.digest) is not what its digest says: it is damaged, or was changed")
        }
        return bytes
    }

    private func verify(_ path: String, _ layer: OCIImage.Layer) throws(ImageError) {
        var hash = SHA256(), size = 0
        do throws(SystemError) {
            // A pipe must not be waited for.
            let file = try Descriptor(opening: path, O_RDONLY | O_NONBLOCK)
            while !self.unpacker.isCancelled {
                let bytes = try file.read(upTo: 1 << 20)
                if bytes.isEmpty { break }
                hash.update(data: bytes)
                size += bytes.count
            }
        } catch {
            throw ImageError("its layer \(layer.digest) cannot be read: \(error)")
        }
        if self.unpacker.isCancelled { throw ImageError("the agent is being stopped") }
        guard size == layer.size, Self.hex(hash.finalize()) == layer.digest.hex else {
            throw ImageError("its layer \(layer.digest) is not what its digest says: it is damaged, or was changed")
        }
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// What a run's root is mounted from.
struct ProvisionedRoot: Hashable, Sendable {
    /// What relative paths in `options` begin at.
    var base: String
    /// Of the overlay.
    var options: String
    /// Where it is mounted, in the run's own namespace.
    var target: String
    var config: ImageConfig
    /// Where what the image consists of is, from the lowest to the topmost.
    var layers: [String]

    /// Whom the image wants to run as, by its own files; nil: it does not say.
    func user() throws(ImageError) -> SupervisorStart.User? {
        guard let user = self.config.user else { return nil }
        return try ImageUsers(layers: self.layers).find(user)
    }
}

/// Where root file systems and volumes may come from.
public struct ImageSettings: Hashable, Sendable {
    /// Directories that hold images; nothing else may be named.
    ///
    /// Default: none, so that tasks with an image are refused.
    public var imageDirectories: [String] = []
    /// Directories that host paths of volumes may lie in, or be.
    ///
    /// Default: none, so that tasks with such volumes are refused.
    public var volumeDirectories: [String] = []
    /// Bytes that unpacked images may take; those in use stay whatever they take.
    ///
    /// Gigabytes. Less means to unpack more often. Default 10 GiB.
    public var cacheBytes = 10 << 30

    /// The defaults.
    public init() {}
}
