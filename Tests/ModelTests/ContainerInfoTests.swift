import Model
import Testing

/// What may be asked of a container, whatever an agent's operator allows.
struct ContainerInfoTests {
    private func problem(_ change: (inout ContainerInfo) -> Void) -> String? {
        var info = ContainerInfo()
        change(&info)
        return info.problem
    }

    @Test(
        "Volumes are at sensible places and come from sensible ones",
        arguments: [
            (.init("/data", .host("/srv/data")), nil), (.init("data/deep", .sandbox("cache")), nil),
            (.init("", .sandbox("a")), "is empty"), (.init("/", .sandbox("a")), "in place of everything"),
            (.init(".", .sandbox("a")), "in place of everything"), (.init("/a/../b", .sandbox("a")), "contains '..'"),
            (.init("/a\u{0}b", .sandbox("a")), "control character"),
            (.init("/proc/1", .sandbox("a")), "agent's to make"),
            (.init("//dev", .sandbox("a")), "agent's to make"), (.init("/a", .sandbox("/a")), "begins with '/'"),
            (.init("/a", .sandbox("../a")), "contains '..'"), (.init("/a", .host("a")), "does not begin with '/'"),
            (.init("/a", .host("/a/../../etc")), "contains '..'"),
            (.init("/a", .host("/" + String(repeating: "a", count: 5000))), "longer than"),
        ] as [(ContainerInfo.Volume, String?)])
    func volumes(volume: ContainerInfo.Volume, complaint: String?) {
        let problem = self.problem { $0.volumes = [volume] }
        if let complaint {
            #expect(problem?.contains(complaint) == true, "\(problem ?? "none")")
        } else {
            #expect(problem == nil)
        }
    }

    @Test("Two volumes cannot be at one place, nor too many anywhere")
    func manyVolumes() {
        #expect(self.problem { $0.volumes = [.init("/a", .sandbox("a")), .init("/a", .sandbox("b"))] } != nil)
        let many = (0...ContainerInfo.maximumVolumes).map { ContainerInfo.Volume("/v\($0)", .sandbox("a")) }
        #expect(self.problem { $0.volumes = many }?.contains("the limit is 256") == true)
        #expect(self.problem { $0.volumes = Array(many.dropLast()) } == nil)
    }

    @Test("Images have absolute paths without detours, hostnames are names")
    func imagesAndHostnames() {
        #expect(self.problem { $0.image = .init(path: "/images/a") } == nil)
        #expect(self.problem { $0.image = .init(path: "a") }?.contains("begin with '/'") == true)
        #expect(self.problem { $0.image = .init(path: "/a/../b") }?.contains("'..'") == true)
        #expect(self.problem { $0.hostname = "web-1.example" } == nil)
        for name in ["", "a b", "a_b", String(repeating: "a", count: 65)] {
            #expect(self.problem { $0.hostname = name }?.contains("hostname") == true, "\(name)")
        }
    }
}
