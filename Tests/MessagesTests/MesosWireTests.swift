import Messages
import Model
import Testing

/// Bytes that another encoder wrote: Google's, for Python, from the public schema of Mesos v1.
struct MesosWireTests {
    @Test("A SUBSCRIBE of a Mesos framework is understood")
    func subscribe() throws {
        let call = try SchedulerCall(
            encoded: Raw.hex(
                """
                10011a87010a7a0a04726f6f741205737061726b21000000000021ac4028013a01684201704a0d687474703a2f2f683a3430
                3430520208055202080652020803520208015a0b0a090a047465616d120178620364657662096f70732f62617463686a1e0a
                0364657612170a150a130a110a0463707573120909000000000000004012096f70732f6261746368
                """))
        guard case .subscribe(let subscribe) = call.kind else { throw MessageError(.malformed, in: "test") }
        let framework = subscribe.framework
        #expect(call.frameworkID == nil && framework.id == nil)
        #expect(framework.user == "root" && framework.name == "spark")
        #expect(framework.failoverTimeout == .milliseconds(3_600_500))
        #expect(framework.hostname == "h" && framework.principal == "p")
        #expect(framework.capabilities == [.partitionAware, .multiRole, .gpuResources, .revocableResources])
        #expect(framework.roles == ["dev", "ops/batch"])
        #expect(framework.minimumOffers == ["dev": ["cpus:2"]])
        #expect(subscribe.suppressedRoles == ["ops/batch"])
        #expect(!subscribe.relays && !subscribe.standby)
    }

    @Test("An ACCEPT of a Mesos framework is understood, and its task passed on byte for byte")
    func accept() throws {
        let bytes = Raw.hex(
            """
            0a060a04372d4631100322ce010a060a04372d4f3912b801080112b3010ab0010a05736c65657012040a0274311a060a0437
            2d4132221a0a046370757310001a09099a9999999999b93f5a050a0364657622150a036d656d10001a090900000000000040
            4032012a22150a05706f7274731001220a0a080898f2011099f20122130a046370757310001a09099a9999999999c93f3a14
            12080a060a01411201621a08736c656570203130420640034a0208504a02080252050a030a016b62080a060880bcc1960b72
            070880b09dc2df011a09090000000000000440
            """)
        let call = try SchedulerCall(encoded: bytes)
        #expect(call.frameworkID == "7-F1")
        guard case .accept(let accept) = call.kind, case .launch(let launches) = accept.operations.first,
            case .task(let task) = launches.first
        else { throw MessageError(.malformed, in: "test") }
        #expect(accept.offerIDs == ["7-O9"] && accept.operations.count == 1 && launches.count == 1)
        #expect(accept.filters.refuse == .milliseconds(2500))
        #expect(task.name == "sleep" && task.taskID == "t1" && task.agentID == "7-A2")
        #expect(task.resources == "cpus:0.3;mem:32;ports:[31000-31001]")
        #expect(task.command?.value == "sleep 10" && task.command?.shell == true)
        #expect(task.command?.environment == ["A": "b"])
        #expect(task.killGracePeriod == .seconds(3) && task.maxCompletionTime == .seconds(60))
        #expect(task.encoded.count == 0xb0)
        #expect(call.encoded() == bytes)
    }

    @Test("A status as Mesos writes it is understood; what no role reads of it survives")
    func status() throws {
        let head = Raw.hex(
            """
            0a040a02743110031a02000122154d656d6f7279206c696d69742065786365656465642a060a04372d41323100001040fc54
            d9414000480150085a10000102030405060708090a0b0c0d0e0f
            """)
        let container = Raw.hex("6a0c181122080a016312030a0170")
        let limitation = Raw.hex("8201140a120a036d656d10001a09090000000000004040")
        let status = try TaskStatus(encoded: head + container + limitation)
        #expect(status.taskID == "t1" && status.state == .failed && status.data == [0, 1])
        #expect(status.message == "Memory limit exceeded" && status.agentID == "7-A2")
        #expect(status.timestamp == 1_700_000_000.25 && status.healthy == false)
        #expect(status.source == .agent && status.reason == .memoryLimit && status.sequence == 0)
        #expect(status.uuid == (0..<16).map { UInt8($0) } && status.limitation == "mem:32")
        // What is not read is written behind the rest.
        #expect(status.encoded() == head + limitation + container)
    }

    @Test("An OFFERS event is written as Mesos writes it")
    func offers() throws {
        let bytes = Raw.hex(
            """
            08021ab1010aae010a060a04372d4f3112060a04372d46311a060a04372d413222026e312a1a0a046370757310001a090900
            000000000010405a050a036465762a190a036d656d10001a090900000000000290405a050a036465762a1c0a05706f727473
            1001220a0a080898f2011080fa015a050a0364657632040a0265313a0e0a047261636b10032a040a027231420f0a04687474
            7012070a026e3118bb2752050a036465765a0d0a0b0a040a02657512030a017a
            """)
        let event = try SchedulerEvent(encoded: bytes)
        guard case .offers(let offers) = event, let offer = offers.first else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(offer.id == "7-O1" && offer.frameworkID == "7-F1" && offer.agentID == "7-A2")
        #expect(offer.hostname == "n1" && offer.sidePort == 5051 && offer.role == "dev")
        #expect(offer.resources == "cpus:4;mem:1024.5;ports:[31000-32000]")
        #expect(offer.executorIDs == ["e1"])
        #expect(ProtobufCodec().attributes(offer.attributes) == [Attribute(name: "rack", value: .text("r1"))])
        #expect(event.encoded() == bytes)
    }

    @Test("A SUBSCRIBED event of a Mesos master is understood, the address also as a number")
    func subscribed() throws {
        let named = Raw.hex(
            "080112290a060a04372d4631110000000000002e401a160a016d10ff80800818ba272a096c6f63616c686f7374")
        guard case .subscribed(let subscribed) = try SchedulerEvent(encoded: named) else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(subscribed.frameworkID == "7-F1" && subscribed.heartbeatInterval == .seconds(15))
        #expect(subscribed.master == MasterInfo(id: "m", address: "localhost:5050"))
        #expect(subscribed.relays.isEmpty && subscribed.subscription == nil)
        let master = Raw.text(1, "m") + Raw.number(2, 0x0100_007f) + Raw.number(3, 5050)
        let bare = Raw.number(1, 1) + Raw.bytes(2, Raw.id(1, "f") + Raw.bytes(3, master))
        guard case .subscribed(let other) = try SchedulerEvent(encoded: bare) else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(other.master.address == "127.0.0.1:5050" && other.heartbeatInterval == .seconds(15))
    }

    @Test("An executor that reconnects tells what was not acknowledged")
    func executorSubscribe() throws {
        let call = try ExecutorCall(
            encoded: Raw.hex(
                """
                0a040a02653112060a04372d46311801222e0a0e0a016e12040a0274311a030a0161121c0a1a0a040a02743110015a100001
                02030405060708090a0b0c0d0e0f
                """))
        var status = TaskStatus(taskID: "t1", state: .running)
        status.uuid = (0..<16).map { UInt8($0) }
        let kind = ExecutorCall.Kind.subscribe(unacknowledgedTasks: ["t1"], unacknowledgedUpdates: [status])
        #expect(call == ExecutorCall(frameworkID: "7-F1", executorID: "e1", kind))
    }

    @Test("An executor learns who it is")
    func executorSubscribed() throws {
        let event = try ExecutorEvent(
            encoded: Raw.hex(
                """
                080112520a300a040a0265312a130a046370757310001a0909000000000000e03f3a111a062f62696e2f7830003a01783a02
                2d767802120b0a017512016632036465761a0c0a026e3132060a04372d413222030a0163
                """))
        guard case .subscribed(let executor, let framework, let agentID, let hostname) = event else {
            throw MessageError(.malformed, in: "test")
        }
        #expect(executor.executorID == "e1" && executor.resources == "cpus:0.5")
        #expect(executor.command == CommandInfo(program: "/bin/x", arguments: ["x", "-v"]))
        #expect(framework.roles == ["dev"] && agentID == "7-A2" && hostname == "n1")
    }
}
