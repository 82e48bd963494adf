import Foundation
import TestSupport
import Testing

@Suite(
    "Tasks with a root file system of their own", .serialized,
    .enabled(if: geteuid() == 0 && access("/bin/busybox", X_OK) == 0, "needs root, and the package busybox-static"))
struct ImageTests {
    @Test("A command runs in an image with a volume, and one that the agent does not allow is refused with what to do")
    func image() throws {
        let files = FileManager.default
        let directory = files.temporaryDirectory.appendingPathComponent("images-\(UUID().uuidString)").path
        defer { try? files.removeItem(atPath: directory) }
        for name in ["images/tiny/bin", "volumes"] {
            try files.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
        }
        try files.copyItem(atPath: "/bin/busybox", toPath: "\(directory)/images/tiny/bin/busybox")
        for name in ["sh", "ls", "cat"] {
            try files.createSymbolicLink(
                atPath: "\(directory)/images/tiny/bin/\(name)", withDestinationPath: "busybox")
        }
        try "from the machine\n".write(toFile: "\(directory)/volumes/file", atomically: true, encoding: .utf8)
        let cluster = try LiveCluster(
            ["--agents", "1"],
            environment: [
                "MESETA_IMAGE_DIRS": "\(directory)/images", "MESETA_VOLUME_DIRS": "\(directory)/volumes",
            ])
        defer { cluster.stop() }
        let image = "\(directory)/images/tiny", volume = "\(directory)/volumes:/data:ro"
        let run = try cluster.meseta([
            "run", "--image", image, "--volume", volume, "--volume", "kept:/kept", "--", "/bin/sh", "-c",
            "ls /; cat /data/file; echo x > /kept/it && cat /mnt/mesos/sandbox/kept/it",
        ])
        #expect(run.status == 0, "\(run.errors)\(cluster.logs)")
        #expect(
            run.lines
                == ["bin", "data", "dev", "etc", "kept", "mnt", "proc", "sys", "tmp", "from the machine", "x"],
            "\(run.output)")
        let elsewhere = try cluster.meseta(["run", "--image", "/usr", "--", "/bin/true"])
        #expect(elsewhere.status == 1 && elsewhere.errors.contains("--image-dirs"), "\(elsewhere.errors)")
        #expect(!elsewhere.errors.contains("does not answer"), "\(elsewhere.errors)")
        let wrong = try cluster.meseta(["run", "--image", "tiny", "--", "/bin/true"])
        #expect(wrong.status == 64 && wrong.errors.contains("does not begin with '/'"), "\(wrong.errors)")
    }
}
