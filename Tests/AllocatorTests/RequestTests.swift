import Model
import Testing

@Suite("Requests of frameworks")
struct RequestTests {
    @Test("Of clients equal in share, one that asked for what is free goes first, one that asked for more goes last")
    func scraps() {
        var cluster = Cluster()
        for framework in 1...3 as ClosedRange<UInt32> { cluster.master.addFramework(framework) }
        cluster.master.tell(.request(framework: 1, "cpus:4", nil))
        cluster.master.tell(.request(framework: 3, "cpus:1", nil))
        cluster.master.addAgent(0, "cpus:1;mem:1", owner: 0)
        cluster.master.addAgent(1, "cpus:1;mem:1", owner: 0)
        // All hold nothing: F3 asked for just that, F2 for nothing, F1 for more.
        #expect(cluster.pass() == ["F3 <- A0", "F2 <- A1"])
        cluster.master.addAgent(2, "cpus:4;mem:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A2"])
    }

    @Test("A request decides nothing against a smaller share, and keeps nothing from anybody")
    func onlyBetweenEquals() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:1;mem:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.master.addFramework(2)
        cluster.master.tell(.request(framework: 1, "cpus:1", nil))
        cluster.master.tell(.request(framework: 2, "cpus:9", nil))
        cluster.master.addAgent(1, "cpus:1;mem:1", owner: 0)
        // F1 holds all of one, F2 nothing.
        #expect(cluster.pass() == ["F2 <- A1"])
    }

    @Test("A request of one agent is met by that agent alone, and is over when answered or after a minute")
    func oneAgent() {
        var cluster = Cluster()
        for framework in 1...2 as ClosedRange<UInt32> { cluster.master.addFramework(framework) }
        cluster.master.tell(.request(framework: 2, "cpus:1", "A7"))
        cluster.master.addAgent(7, "cpus:1;mem:1", owner: 0)
        #expect(cluster.pass() == ["F2 <- A7"])
        cluster.declineAll(of: 2, for: .seconds(1000))
        #expect(cluster.pass() == ["F1 <- A7"])
        cluster.declineAll(of: 1, for: .seconds(1000))
        cluster.master.tell(.request(framework: 1, "cpus:9", nil))
        cluster.pass(.seconds(61))
        // F1's is forgotten, so that F1, which was served as often, is the first by its number.
        cluster.master.addAgent(8, "cpus:1;mem:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A8"])
    }
}
