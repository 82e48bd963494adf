import Dispatch
import Glibc
import Messages
import Model
import SDKCore
import Testing

@testable import MesetaSDK

@Suite("The scheduler's driver on real connections")
struct SchedulerDriverTests {
    let offer = Offer(
        id: "1-O1", frameworkID: "1-F1", agentID: "1-A1", hostname: "h", sidePort: 1, resources: "cpus:2;mem:64",
        role: "*",
        attributes: ProtobufCodec().encode(attributes: [Attribute(name: "rack", value: .text("r7"))], hostname: "h"))

    func status(_ state: TaskState, _ sequence: StatusSequence) -> TaskStatus {
        var status = update("t", state, sequence)
        status.uuid = Bytes(repeating: UInt8(sequence), count: 16)
        return status
    }

    @Test(
        "A framework of a few lines registers, launches a task, hears its result and ends",
        .timeLimit(.minutes(1)), arguments: [false, true])
    func wholeLife(isInline: Bool) async throws {
        let master = try await MasterScript(as: .master)
        let recorder = Recorder(
            onOffers: { driver, offers in
                #expect(driver.loop?.inEventLoop == isInline)
                #expect(offers[0].attribute("rack") == .text("r7"))
                driver.launchTask(
                    TaskInfo("t", on: offers[0], resources: "cpus:1;mem:32").command("true").data("in"), on: offers[0])
            }, onStatus: { driver, status in if status.state.isTerminal { driver.stop() } })
        var options = SchedulerDriver.Options()
        options.runsCallbacksInline = isInline
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: master.address, options: options, scheduler: recorder)
        let run = Task { try await driver.run() }

        guard case .subscribe(let subscribe)? = await master.message()?.kind else { return #expect(Bool(false)) }
        #expect(subscribe.framework.name == "test")
        #expect(subscribe.relays)
        master.accept()
        master.send(SchedulerEvent.offers([self.offer]))
        guard case .accept(let accept)? = await master.message()?.kind,
            case .launch(let tasks)? = accept.operations.first,
            case .task(let task)? = tasks.first
        else { return #expect(Bool(false)) }
        #expect(accept.offerIDs == ["1-O1"])
        #expect(task.taskID == "t")
        #expect(task.agentID == "1-A1")
        #expect(task.command?.value == "true")
        #expect(task.text == "in")

        let running = self.status(.running, 1)
        var finished = self.status(.finished, 2)
        finished.data = Bytes("3.14".utf8)
        master.send(SchedulerEvent.update(.status(running)))
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: running.uuid ?? []))
        master.send(SchedulerEvent.update(.status(running)))
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: running.uuid ?? []))
        master.send(SchedulerEvent.update(.status(finished)))
        // The callback that stops is waited for: its update is acknowledged before the framework ends.
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: finished.uuid ?? []))
        #expect(await master.message()?.kind == .teardown)
        try await run.value
        #expect(await master.disconnected())

        let told = await recorder.all()
        #expect(told.count == 4)
        #expect(told.first == .registered("1-F1"))
        guard case .status(let last)? = told.last else { return #expect(Bool(false)) }
        #expect(last.text == "3.14")
        await master.close()
    }

    @Test("An update is not acknowledged before its callback has returned", .timeLimit(.minutes(1)))
    func acknowledgedAfterCallback() async throws {
        let master = try await MasterScript(as: .master)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let recorder = Recorder(onStatus: { _, _ in for await _ in gate { break } })
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: master.address, scheduler: recorder)
        let run = Task { try await driver.run() }
        _ = await master.message()
        master.accept()
        await recorder.isRegistered()
        master.send(SchedulerEvent.update(.status(self.status(.running, 1))))
        driver.reviveOffers()
        // Calls go through while a callback waits; the acknowledgement does not.
        #expect(await master.message()?.kind == .revive(roles: []))
        driver.suppressOffers()
        #expect(await master.message()?.kind == .suppress(roles: []))
        open.yield()
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: Bytes(repeating: 1, count: 16)))
        driver.stop(failover: true)
        try await run.value
        await master.close()
    }

    @Test("An acknowledgement does not overtake what its callback has called", .timeLimit(.minutes(1)))
    func acknowledgedInOrder() async throws {
        let master = try await MasterScript(as: .master)
        let gate = DispatchSemaphore(value: 0)
        let recorder = Recorder(onStatus: { driver, status in
            // The driver's loop stands still from the first callback to the last: nothing is said one by one.
            switch status.sequence {
            case 1: driver.loop?.execute { gate.wait() }
            case 2: driver.reviveOffers()
            default: gate.signal()
            }
        })
        let driver = SchedulerDriver(framework: FrameworkInfo("test"), master: master.address, scheduler: recorder)
        let run = Task { try await driver.run() }
        _ = await master.message()
        master.accept()
        await recorder.isRegistered()
        let updates = (1...3).map { self.status(.running, $0) }
        master.send(
            SchedulerEvent.update(.status(updates[0])), .update(.status(updates[1])), .update(.status(updates[2])))
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: updates[0].uuid ?? []))
        #expect(await master.message()?.kind == .revive(roles: []))
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: updates[2].uuid ?? []))
        driver.stop(failover: true)
        try await run.value
        await master.close()
    }

    @Test("When the leader dies the framework is registered with the next one, under its id", .timeLimit(.minutes(1)))
    func failover() async throws {
        let first = try await MasterScript(as: .master, epoch: 1)
        let second = try await MasterScript(as: .master, epoch: 2)
        let recorder = Recorder()
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: "\(first.address),\(second.address)", scheduler: recorder)
        let run = Task { try await driver.run() }
        _ = await first.message()
        first.accept()
        await recorder.isRegistered()
        driver.launchTask(TaskInfo("t", on: self.offer, resources: "cpus:1").command("true"), on: self.offer)
        guard case .accept? = await first.message()?.kind else { return #expect(Bool(false)) }
        await first.close()
        let hello = await second.hello()
        #expect(hello?.epoch == 1)
        #expect(hello?.frameworkID == "1-F1")
        let again = await second.message()
        #expect(again?.frameworkID == "1-F1")
        second.accept(epoch: 2, counter: 2)
        #expect(await second.message()?.kind == .reconcile([.init("t", on: "1-A1")]))
        await recorder.isRegistered()
        driver.stop()
        #expect(await second.message()?.kind == .teardown)
        try await run.value
        #expect(await recorder.all() == [.registered("1-F1"), .disconnected, .reregistered])
        await second.close()
    }

    @Test("A master that does not lead sends the framework to the one that does", .timeLimit(.minutes(1)))
    func redirected() async throws {
        let leader = try await MasterScript(as: .master)
        let address = leader.address
        let standby = try await MasterScript(
            as: .master, admit: { _ in Refusal(.notLeader, "not the leader", leader: address) })
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: standby.address, scheduler: Recorder())
        let run = Task { try await driver.run() }
        guard case .subscribe? = await leader.message()?.kind else { return #expect(Bool(false)) }
        driver.stop(failover: true)
        try await run.value
        await leader.close()
        await standby.close()
    }

    @Test("Updates come through relays, and are acknowledged there", .timeLimit(.minutes(1)))
    func relays() async throws {
        let master = try await MasterScript(as: .master)
        let relay = try await MasterScript(as: .relay)
        let recorder = Recorder()
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: master.address, scheduler: recorder)
        let run = Task { try await driver.run() }
        _ = await master.message()
        master.accept(relays: [RelayInfo(name: "r1", address: relay.address)])
        let hello = await relay.hello()
        #expect(hello?.frameworkID == "1-F1")
        #expect(hello?.subscription == subscription(1, 1))
        let running = self.status(.running, 1)
        relay.send(SchedulerEvent.update(.status(running)))
        #expect(await relay.message()?.kind == .acknowledge("1-A1", "t", uuid: running.uuid ?? []))
        // The relay dies; the master is the way around it.
        await relay.close()
        let finished = self.status(.finished, 2)
        master.send(SchedulerEvent.update(.status(finished)))
        #expect(await master.message()?.kind == .acknowledge("1-A1", "t", uuid: finished.uuid ?? []))
        driver.stop(failover: true)
        try await run.value
        #expect(await recorder.all().count == 3)
        await master.close()
    }

    @Test("The framework's id is kept in a file, and taken from there", .timeLimit(.minutes(1)))
    func identityFile() async throws {
        let path = "/tmp/meseta-sdk-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        let master = try await MasterScript(as: .master)
        var options = SchedulerDriver.Options()
        options.frameworkIDFile = path
        for life in 1...2 {
            let recorder = Recorder()
            let driver = SchedulerDriver(
                framework: FrameworkInfo("test", failoverTimeout: .seconds(60)), master: master.address,
                options: options, scheduler: recorder)
            let run = Task { try await driver.run() }
            #expect(await master.message()?.frameworkID == (life == 1 ? nil : "7-F3"))
            master.accept("7-F3", counter: UInt64(life))
            if life == 2 { #expect(await master.message()?.kind == .reconcile([])) }
            await recorder.isRegistered()
            driver.stop(failover: true)
            try await run.value
        }
        await master.close()
    }

    @Test("A subscription that the master ends makes run() throw its words", .timeLimit(.minutes(1)))
    func refused() async throws {
        let master = try await MasterScript(as: .master)
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: master.address, scheduler: Recorder())
        let run = Task { try await driver.run() }
        _ = await master.message()
        master.send(SchedulerEvent.error("Framework has been removed", leader: nil))
        await #expect(throws: MesetaError(.subscriptionEnded, "Framework has been removed")) { try await run.value }
        await #expect(throws: MesetaError.self) { try await driver.run() }
        await master.close()
    }

    @Test("A cluster that is not there is reported in time, with the address and the reason", .timeLimit(.minutes(1)))
    func notFound() async throws {
        var options = SchedulerDriver.Options()
        options.registrationPatience = .milliseconds(200)
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: "127.0.0.1:1", options: options, scheduler: Recorder())
        do {
            try await driver.run()
            #expect(Bool(false), "nobody listens there")
        } catch {
            let error = error as MesetaError
            #expect(error.code == .masterNotFound)
            #expect(error.message.contains("127.0.0.1:1"))
            #expect(error.message.contains("connection refused"))
        }
    }

    @Test("A cancelled run leaves the tasks to the next scheduler", .timeLimit(.minutes(1)))
    func cancelled() async throws {
        let master = try await MasterScript(as: .master)
        let driver = SchedulerDriver(
            framework: FrameworkInfo("test"), master: master.address, scheduler: Recorder())
        let run = Task { try await driver.run() }
        _ = await master.message()
        master.accept()
        run.cancel()
        try await run.value
        guard case .disconnected? = await master.next() else { return #expect(Bool(false), "something was said") }
        await master.close()
    }

    @Test(
        "Addresses that are none are refused with a hint",
        arguments: ["", "nohost", "host:", ":5050", "host:99999", "a:1,,b:2", "zk://h", "zk://h:1", "zk://h:1/"])
    func badAddress(text: String) throws {
        #expect { try MasterAddress(text) } throws: { ($0 as? MesetaError)?.code == .configuration }
    }

    @Test("Masters are named one by one or by their ZooKeeper")
    func goodAddress() throws {
        #expect(try MasterAddress("a:1,b:2").description == "a:1,b:2")
        #expect(try MasterAddress("zk://a:1,b:2/meseta").description == "zk://a:1,b:2/meseta")
    }
}
