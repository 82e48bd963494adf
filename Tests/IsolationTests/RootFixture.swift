import Foundation
import Testing

/// Tiny root file systems, made of busybox.
struct RootFixture {
    /// Holds the images.
    let directory: String

    static let isPossible = isRoot && access("/bin/busybox", X_OK) == 0

    /// Makes it, and lets `body` use it.
    static func with(_ body: (RootFixture) async throws -> Void) async throws {
        var template = Array("/tmp/meseta-images-XXXXXX".utf8CString)
        let fixture = RootFixture(directory: String(cString: mkdtemp(&template)))
        chmod(fixture.directory, 0o755)
        defer { remove(fixture.directory) }
        try await body(fixture)
    }

    private init(directory: String) { self.directory = directory }

    /// Runs a script, which has to succeed.
    func shell(_ script: String) throws { try self.run("/bin/sh", ["-e", "-c", script]) }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: self.directory)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments)")
    }

    /// A directory with a shell and its usual programs; its path.
    func busybox(_ name: String = "busybox") throws -> String {
        try self.shell(
            """
            mkdir -p \(name)/bin \(name)/etc
            cp /bin/busybox \(name)/bin/
            for applet in sh ls cat echo id touch mkdir ln sleep mount hostname test grep rm pwd env true; do
                ln -s busybox \(name)/bin/$applet
            done
            echo "of the image" > \(name)/etc/origin
            """)
        return "\(self.directory)/\(name)"
    }

    /// An OCI image layout of two layers over what `busybox` makes, the upper one hiding parts of the lower; its path.
    ///
    /// - Parameter changes: Python that may change `layers`, a list of lists of (kind, name, content), or `config`.
    func layout(_ name: String = "layout", changes: String = "") throws -> String {
        let root = try self.busybox("\(name)-root")
        let script = """
            import gzip, hashlib, io, json, os, subprocess, sys, tarfile
            root, target = sys.argv[1], sys.argv[2]
            layers = [[("dir", "data", None), ("file", "data/old", "old"), ("dir", "hidden", None),
                       ("file", "hidden/a", "a"), ("file", "gone", "g"), ("dir", "both", None), ("file", "both/a", "a")],
                      [("file", "data/new", "new"), ("file", "hidden/.wh..wh..opq", ""), ("file", "hidden/b", "b"),
                       ("file", ".wh.gone", ""), ("file", ".wh.both", ""), ("file", "both/b", "b")]]
            config = {"config": {"Env": ["PATH=/bin", "ORIGIN=image"], "Entrypoint": ["/bin/echo", "entry"],
                                 "Cmd": ["and", "command"], "WorkingDir": "/work"}}
            \(changes)
            os.makedirs(target + "/blobs/sha256")
            def blob(data, kind):
                digest = hashlib.sha256(data).hexdigest()
                open(target + "/blobs/sha256/" + digest, "wb").write(data)
                return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}
            def layer(entries, base):
                raw = io.BytesIO()
                with tarfile.open(fileobj=raw, mode="w") as tar:
                    if base: tar.add(root, arcname=".")
                    for kind, name, content in entries:
                        info = tarfile.TarInfo(name)
                        info.mode = 0o755
                        if kind == "dir": info.type = tarfile.DIRTYPE
                        if kind == "link": info.type, info.linkname = tarfile.SYMTYPE, content
                        data = content.encode() if kind == "file" else b""
                        info.size = len(data)
                        tar.addfile(info, io.BytesIO(data))
                return raw.getvalue()
            blobs = []
            for index, entries in enumerate(layers):
                data = layer(entries, index == 0)
                if index == 0: blobs.append(blob(gzip.compress(data, 1), "application/vnd.oci.image.layer.v1.tar+gzip"))
                else:
                    data = subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
                    blobs.append(blob(data, "application/vnd.oci.image.layer.v1.tar+zstd"))
            manifest = {"schemaVersion": 2, "layers": blobs,
                        "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")}
            entry = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
            json.dump({"schemaVersion": 2, "manifests": [entry]}, open(target + "/index.json", "w"))
            json.dump({"imageLayoutVersion": "1.0.0"}, open(target + "/oci-layout", "w"))
            """
        try self.run("/usr/bin/python3", ["-c", script, root, "\(self.directory)/\(name)"])
        return "\(self.directory)/\(name)"
    }
}
