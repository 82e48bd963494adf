import Messages
import Model
import Testing

/// Containers as frameworks of Mesos describe them.
struct ContainerInfoTests {
    /// Of a task with a container of these fields, behind the type MESOS.
    private func container(_ fields: Bytes, type: UInt64 = 2) throws -> ContainerInfo {
        let task =
            Raw.text(1, "n") + Raw.id(2, "t") + Raw.id(3, "a") + Raw.bytes(9, Raw.number(1, type) + fields)
        return try #require(try TaskInfo(encoded: task).container)
    }

    private func volume(_ path: String, _ fields: Bytes, mode: UInt64 = 1) -> Bytes {
        Raw.bytes(2, Raw.text(1, path) + Raw.number(3, mode) + fields)
    }

    @Test("An empty container asks for nothing")
    func empty() throws {
        #expect(try self.container([]) == ContainerInfo())
        #expect(ContainerInfo().problem == nil)
    }

    @Test("Volumes come from the machine or from the sandbox, in both spellings")
    func volumes() throws {
        let host = Raw.bytes(5, Raw.number(1, 4) + Raw.bytes(5, Raw.text(1, "/data")))
        let sandbox = Raw.bytes(5, Raw.number(1, 2) + Raw.bytes(3, Raw.number(1, 1) + Raw.text(2, "cache")))
        let info = try self.container(
            self.volume("/a", Raw.text(2, "/data"), mode: 2) + self.volume("b", Raw.text(2, "cache"))
                + self.volume("/c", host) + self.volume("/d", sandbox))
        #expect(
            info.volumes == [
                .init("/a", .host("/data"), isReadOnly: true), .init("b", .sandbox("cache")),
                .init("/c", .host("/data")),
                .init("/d", .sandbox("cache")),
            ])
        #expect(info.problem == nil)
    }

    @Test("An image on the agent's disk, a hostname, limits, capabilities and a terminal are read")
    func rest() throws {
        let image = Raw.bytes(5, Raw.bytes(1000, Raw.text(1, "/images/a") + Raw.text(2, "v1")))
        let limits = Raw.bytes(
            9,
            Raw.bytes(1, Raw.number(1, 10) + Raw.number(2, 2048) + Raw.number(3, 1024))
                + Raw.bytes(1, Raw.number(1, 2)))
        let capabilities = Raw.bytes(3, Raw.number(1, 1000) + Raw.number(1, 1010)) + Raw.bytes(2, [])
        let info = try self.container(
            image + Raw.text(4, "inner") + limits + Raw.bytes(8, capabilities)
                + Raw.bytes(10, Raw.bytes(1, Raw.number(1, 24) + Raw.number(2, 80))))
        #expect(info.image == .init(path: "/images/a", reference: "v1"))
        #expect(info.hostname == "inner")
        #expect(
            info.limits == [.init(.openFiles, soft: 1024, hard: 2048), .init(.core, soft: nil, hard: nil)])
        #expect(info.linux.effectiveCapabilities == 1 | 1 << 10)
        #expect(info.linux.boundingCapabilities == 0)
        #expect(info.terminal == .init(rows: 24, columns: 80))
        #expect(info.problem == "has effective capabilities outside of its bounding ones: CHOWN,NET_BIND_SERVICE")
    }

    @Test("Capabilities under their older name count where the newer is absent")
    func olderName() throws {
        let older = Raw.bytes(1, Raw.number(1, 1005))
        #expect(try self.container(Raw.bytes(8, older)).linux.effectiveCapabilities == 1 << 5)
        let both = older + Raw.bytes(3, Raw.number(1, 1007))
        #expect(try self.container(Raw.bytes(8, both)).linux.effectiveCapabilities == 1 << 7)
    }

    @Test("What no agent does is named, and stays that when it is written again")
    func unsupported() throws {
        let image = Raw.bytes(5, Raw.bytes(1, Raw.number(1, 2) + Raw.bytes(3, Raw.text(1, "nginx"))))
        let cases: [(Bytes, String)] = [
            (image, "local_image"), (Raw.bytes(3, Raw.text(1, "nginx")), "with `docker`"),
            (Raw.bytes(7, Raw.text(6, "overlay")), "network by name"),
            (self.volume("/a", []), "nowhere"), (self.volume("/a", Raw.text(2, "/b"), mode: 7), "neither RW nor RO"),
            (self.volume("/a", Raw.bytes(4, Raw.number(1, 2))), "is an image"),
            (self.volume("/a", Raw.bytes(5, Raw.number(1, 1) + Raw.bytes(2, [1]))), "neither HOST_PATH"),
            (self.volume("/a", Raw.text(2, "/b") + Raw.bytes(5, [])), "with both"),
            (
                self.volume("/a", Raw.bytes(5, Raw.number(1, 2) + Raw.bytes(3, Raw.number(1, 2) + Raw.text(2, "x")))),
                "around its own"
            ),
            (
                self.volume(
                    "/a",
                    Raw.bytes(5, Raw.number(1, 4) + Raw.bytes(5, Raw.text(1, "/b") + Raw.bytes(2, Raw.number(1, 2))))),
                "mounts are to be shared"
            ),
            (Raw.bytes(8, Raw.bytes(5, Raw.number(2, 1))), "system calls"),
            (Raw.bytes(8, Raw.number(4, 1)), "processes"),
            (Raw.bytes(8, Raw.number(6, 1)), "its own System V"), (Raw.bytes(8, Raw.number(7, 64)), "/dev/shm"),
            (Raw.bytes(8, Raw.bytes(3, Raw.number(1, 7))), "not know: 7"),
            (Raw.bytes(9, Raw.bytes(1, Raw.number(1, 99))), "no type"),
            (Raw.bytes(9, Raw.bytes(1, Raw.number(1, 1) + Raw.number(2, 5))), "only one of"),
        ]
        for (fields, complaint) in cases {
            let info = try self.container(fields)
            #expect(info.problem?.contains(complaint) == true, "\(info.problem ?? "none") for \(complaint)")
            var task = TaskInfo(name: "n", taskID: "t", agentID: "a", resources: .init())
            task.container = info
            #expect(try TaskInfo(encoded: task.encoded()).container?.problem != nil, "\(complaint)")
        }
        #expect(try self.container([], type: 1).problem?.contains("DOCKER") == true)
        #expect(try self.container([], type: 9).problem?.contains("no type") == true)
    }
}
