internal import Model

/// What an OCI image layout says of one of its images (image-spec v1.1: `image-layout.md`, `manifest.md`, `config.md`).
struct OCIImage: Hashable, Sendable {
    /// From the lowest to the topmost.
    var layers: [Layer]
    var config: ImageConfig

    /// An archive of what one layer changes.
    struct Layer: Hashable, Sendable {
        let digest: OCIDigest
        /// Bytes of the archive.
        let size: Int
    }

    /// Reads index, manifest and config.
    ///
    /// - Parameters:
    ///   - reference: The image that has it as `org.opencontainers.image.ref.name`; nil: the only one.
    ///   - architecture: As Go names it; of images for several, that for this one is chosen.
    ///   - read: A file of the layout by its path in it, with the digest and the size it has to have.
    init(
        reference: String?, architecture: String,
        read: (String, OCIDescriptor?) throws(ImageError) -> Bytes
    ) throws(ImageError) {
        let layout = try Self.parse(try read("oci-layout", nil), "oci-layout")
        guard layout["imageLayoutVersion"]?.text?.hasPrefix("1.") == true else {
            throw ImageError("its oci-layout is of no version 1")
        }
        var index = try Self.parse(try read("index.json", nil), "index.json")
        var wanted = reference
        for _ in 0..<Self.indexDepth {
            let entry = try Self.choose(from: index, reference: wanted, architecture)
            let value = try Self.parse(try read(entry.digest.path, entry), "the blob \(entry.digest)")
            if value["layers"] != nil {
                self = try Self(manifest: value, read)
                return
            }
            // An index of the images for each architecture: those have no names of their own.
            (index, wanted) = (value, nil)
        }
        throw ImageError("its indexes are in one another, deeper than \(Self.indexDepth)")
    }

    private static let indexDepth = 4
    /// Overlays of more are refused by the kernel, which takes one page of options.
    static let layerLimit = 100

    private init(
        manifest: JSONValue, _ read: (String, OCIDescriptor?) throws(ImageError) -> Bytes
    ) throws(ImageError) {
        guard let config = manifest["config"], let layers = manifest["layers"]?.items else {
            throw ImageError("its manifest has no config or no layers")
        }
        guard (1...Self.layerLimit).contains(layers.count) else {
            throw ImageError("it has \(layers.count) layers; from 1 to \(Self.layerLimit) are possible")
        }
        self.layers = []
        for layer in layers {
            let descriptor = try OCIDescriptor(layer)
            guard Self.layerTypes.contains(descriptor.mediaType) else {
                throw ImageError(
                    "it has a layer of the type \"\(descriptor.mediaType)\", which is none that can be unpacked")
            }
            self.layers.append(Layer(digest: descriptor.digest, size: descriptor.size))
        }
        let descriptor = try OCIDescriptor(config)
        self.config = try ImageConfig(
            Self.parse(try read(descriptor.digest.path, descriptor), "its config")["config"] ?? .null)
    }

    private static let layerTypes: Set<String> = [
        "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ]

    private static func parse(_ bytes: Bytes, _ name: String) throws(ImageError) -> JSONValue {
        do throws(JSONValue.Malformed) { return try JSONValue(bytes) } catch {
            throw ImageError("\(name) is no JSON: \(error)")
        }
    }

    private static func choose(
        from index: JSONValue, reference: String?, _ architecture: String
    ) throws(ImageError) -> OCIDescriptor {
        guard var entries = index["manifests"]?.items, !entries.isEmpty else {
            throw ImageError("its index lists no images")
        }
        func name(_ entry: JSONValue) -> String? { entry["annotations"]?["org.opencontainers.image.ref.name"]?.text }
        if let reference {
            entries = entries.filter { name($0) == reference }
            if entries.isEmpty { throw ImageError("it has no image with the name \"\(reference)\"") }
        }
        if entries.count > 1 {
            entries = entries.filter {
                $0["platform"]?["os"]?.text == "linux" && $0["platform"]?["architecture"]?.text == architecture
            }
            if entries.isEmpty { throw ImageError("it has several images, none of them for linux/\(architecture)") }
        }
        guard entries.count == 1 else {
            let names = Set(entries.compactMap(name)).sorted().joined(separator: ", ")
            throw ImageError("it has several images; name one of them: \(names)")
        }
        return try OCIDescriptor(entries[0])
    }
}

/// A reference to a blob, with what has to be found there.
struct OCIDescriptor: Hashable, Sendable {
    let mediaType: String
    let digest: OCIDigest
    let size: Int

    fileprivate init(_ value: JSONValue) throws(ImageError) {
        guard let mediaType = value["mediaType"]?.text, let digest = value["digest"]?.text,
            let size = value["size"]?.count
        else { throw ImageError("it refers to something without type, digest or size") }
        self.mediaType = mediaType
        self.digest = try OCIDigest(digest)
        self.size = size
    }
}

/// The SHA-256 of a blob.
struct OCIDigest: Hashable, Sendable, CustomStringConvertible {
    /// 64 hexadecimal digits, in small letters.
    let hex: String

    /// Reads `sha256:<hex>`; nothing else could be a path.
    init(_ text: String) throws(ImageError) {
        let hex = text.hasPrefix("sha256:") ? text.dropFirst("sha256:".count) : ""
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
            throw ImageError("\"\(text.prefix(100))\" is no digest by SHA-256")
        }
        self.hex = String(hex)
    }

    var path: String { "blobs/sha256/\(self.hex)" }
    var description: String { "sha256:\(self.hex)" }
}

/// How an image wants to be run, where its task leaves that open.
struct ImageConfig: Hashable, Sendable {
    var environment: [String: String] = [:]
    var entrypoint: [String] = []
    var arguments: [String] = []
    /// Nil: it does not say.
    var directory: String?
    /// `user` or `user:group`, by number or by a name of the image's own (`ImageUsers`); nil: it does not say.
    var user: String?

    /// Of an image that says nothing.
    init() {}

    fileprivate init(_ value: JSONValue) throws(ImageError) {
        func texts(_ name: String) throws(ImageError) -> [String] {
            guard let value = value[name] else { return [] }
            guard let texts = value.texts else { throw ImageError("\(name) of its config is no list of texts") }
            return texts
        }
        for variable in try texts("Env") {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw ImageError("Env of its config holds \"\(variable.prefix(80))\", which is no NAME=VALUE")
            }
            self.environment[String(parts[0])] = String(parts[1])
        }
        self.entrypoint = try texts("Entrypoint")
        self.arguments = try texts("Cmd")
        self.directory = value["WorkingDir"]?.text.flatMap { $0.isEmpty ? nil : $0 }
        self.user = value["User"]?.text.flatMap { $0.isEmpty ? nil : $0 }
        if let directory, !directory.hasPrefix("/") || directory.split(separator: "/").contains("..") {
            throw ImageError("WorkingDir of its config is no plain absolute path: \"\(directory.prefix(80))\"")
        }
    }
}

/// Why an image cannot be used, as the end of a sentence about it.
struct ImageError: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
