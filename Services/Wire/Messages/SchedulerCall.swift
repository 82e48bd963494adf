internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.v1.scheduler.Call`, by its twin.
extension SchedulerCall: WireMessage {
    private typealias Kinds = SchedulerCallKinds

    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall>, _ reader: MessageReader
    ) throws(MessageError) {
        guard c.pointee.has_type != 0 else { throw reader.missing("type") }
        let frameworkID: FrameworkID? = try reader.optionalID(c.pointee.framework_id, "framework_id")
        if c.pointee.type == MESETA__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE {
            let subscribe = try Subscribe(try reader.required(c.pointee.subscribe, "subscribe"), reader)
            if let frameworkID, let own = subscribe.framework.id, own != frameworkID {
                throw reader.invalid("framework_id", "is \(frameworkID), but that of 'framework_info' is \(own)")
            }
            self.init(frameworkID: frameworkID ?? subscribe.framework.id, .subscribe(subscribe))
            return
        }
        guard let frameworkID else { throw reader.missing("framework_id") }
        self.init(frameworkID: frameworkID, try Kind(c, reader))
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Twin__SchedulerCall.self)
        c.pointee.framework_id = arena.id(ifAny: self.frameworkID)
        c.pointee.has_type = 1
        switch self.kind {
        case .subscribe(let subscribe):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE
            c.pointee.subscribe = subscribe.c(in: arena)
        case .teardown:
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__TEARDOWN
        case .accept(let accept):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__ACCEPT
            c.pointee.accept = accept.c(in: arena)
        case .decline(let offerIDs, let filters):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__DECLINE
            c.pointee.decline = arena.make()
            c.pointee.decline.pointee.n_offer_ids = offerIDs.count
            c.pointee.decline.pointee.offer_ids = arena.list(offerIDs) { arena.id($0) }
            c.pointee.decline.pointee.filters = filters.c(in: arena)
        case .revive(let roles):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__REVIVE
            c.pointee.revive = arena.make()
            c.pointee.revive.pointee.n_roles = roles.count
            c.pointee.revive.pointee.roles = arena.texts(roles)
        case .suppress(let roles):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__SUPPRESS
            c.pointee.suppress = arena.make()
            c.pointee.suppress.pointee.n_roles = roles.count
            c.pointee.suppress.pointee.roles = arena.texts(roles)
        case .updateFramework(let framework, let suppressedRoles, let constraints):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK
            c.pointee.update_framework = arena.make()
            c.pointee.update_framework.pointee.framework_info = arena.binary(of: framework)
            c.pointee.update_framework.pointee.n_suppressed_roles = suppressedRoles.count
            c.pointee.update_framework.pointee.suppressed_roles = arena.texts(suppressedRoles)
            c.pointee.update_framework.pointee.offer_constraints = constraints.c(in: arena)
        case .acceptInverseOffers(let offerIDs):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__ACCEPT_INVERSE_OFFERS
            c.pointee.accept_inverse_offers = arena.make()
            c.pointee.accept_inverse_offers.pointee.n_inverse_offer_ids = offerIDs.count
            c.pointee.accept_inverse_offers.pointee.inverse_offer_ids = arena.list(offerIDs) { arena.id($0) }
        case .declineInverseOffers(let offerIDs):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__DECLINE_INVERSE_OFFERS
            c.pointee.decline_inverse_offers = arena.make()
            c.pointee.decline_inverse_offers.pointee.n_inverse_offer_ids = offerIDs.count
            c.pointee.decline_inverse_offers.pointee.inverse_offer_ids = arena.list(offerIDs) { arena.id($0) }
        case .request(let requests):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__REQUEST
            c.pointee.request = arena.make()
            c.pointee.request.pointee.n_requests = requests.count
            c.pointee.request.pointee.requests = arena.list(requests) { $0.c(in: arena) }
        case .unsupported(let name):
            c.pointee.type = Kinds.type(named: name)
        case .kill, .shutdown, .acknowledge, .reconcile, .message:
            self.fillTaskCall(c, in: arena)
        }
        return PackedMessage(c)
    }

    /// The calls about tasks and executors that run.
    private func fillTaskCall(_ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall>, in arena: MessageArena) {
        switch self.kind {
        case .kill(let taskID, let agentID, let grace):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__KILL
            c.pointee.kill = arena.make()
            c.pointee.kill.pointee.task_id = arena.id(taskID)
            c.pointee.kill.pointee.agent_id = arena.id(ifAny: agentID)
            c.pointee.kill.pointee.kill_policy = arena.killPolicy(grace)
        case .shutdown(let executorID, let agentID):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__SHUTDOWN
            c.pointee.shutdown = arena.make()
            c.pointee.shutdown.pointee.executor_id = arena.id(executorID)
            c.pointee.shutdown.pointee.agent_id = arena.id(agentID)
        case .acknowledge(let agentID, let taskID, let uuid):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE
            c.pointee.acknowledge = arena.make()
            c.pointee.acknowledge.pointee.agent_id = arena.id(agentID)
            c.pointee.acknowledge.pointee.task_id = arena.id(taskID)
            c.pointee.acknowledge.pointee.uuid = arena.binary(uuid)
        case .reconcile(let tasks):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__RECONCILE
            c.pointee.reconcile = arena.make()
            c.pointee.reconcile.pointee.n_tasks = tasks.count
            c.pointee.reconcile.pointee.tasks = arena.list(tasks) { task in
                let c = arena.make(Meseta__V1__Scheduler__Call__Reconcile__Task.self)
                c.pointee.task_id = arena.id(task.taskID)
                c.pointee.agent_id = arena.id(ifAny: task.agentID)
                return c
            }
        case .message(let agentID, let executorID, let data):
            c.pointee.type = MESETA__V1__SCHEDULER__CALL__TYPE__MESSAGE
            c.pointee.message = arena.make()
            c.pointee.message.pointee.agent_id = arena.id(agentID)
            c.pointee.message.pointee.executor_id = arena.id(executorID)
            c.pointee.message.pointee.data = arena.binary(data)
        default:
            preconditionFailure("\(self.kind) is no call about tasks")
        }
    }
}

extension SchedulerCall.Kind {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall>, _ reader: MessageReader
    ) throws(MessageError) {
        let call = c.pointee
        switch call.type {
        case MESETA__V1__SCHEDULER__CALL__TYPE__TEARDOWN:
            self = .teardown
        case MESETA__V1__SCHEDULER__CALL__TYPE__ACCEPT:
            self = .accept(try SchedulerCall.Accept(try reader.required(call.accept, "accept"), reader))
        case MESETA__V1__SCHEDULER__CALL__TYPE__DECLINE:
            let decline = try reader.required(call.decline, "decline").pointee
            self = .decline(
                try reader.offerIDs(decline.n_offer_ids, decline.offer_ids, "decline.offer_ids"),
                OfferFilters(decline.filters))
        case MESETA__V1__SCHEDULER__CALL__TYPE__REVIVE:
            self = .revive(
                roles: try reader.texts(
                    call.revive?.pointee.n_roles ?? 0, call.revive?.pointee.roles, "revive.roles"))
        case MESETA__V1__SCHEDULER__CALL__TYPE__SUPPRESS:
            self = .suppress(
                roles: try reader.texts(
                    call.suppress?.pointee.n_roles ?? 0, call.suppress?.pointee.roles, "suppress.roles"))
        case MESETA__V1__SCHEDULER__CALL__TYPE__REQUEST:
            let request = try reader.required(call.request, "request").pointee
            self = .request(
                try reader.list(request.n_requests, request.requests) { request throws(MessageError) in
                    try SchedulerCall.ResourceRequest(request, reader)
                })
        case MESETA__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK:
            let update = try reader.required(call.update_framework, "update_framework").pointee
            self = .updateFramework(
                try FrameworkInfo(slice: update.framework_info, in: reader.arena),
                suppressedRoles: try reader.texts(
                    update.n_suppressed_roles, update.suppressed_roles, "update_framework.suppressed_roles"),
                constraints: try [String: OfferConstraints](update.offer_constraints, reader))
        case MESETA__V1__SCHEDULER__CALL__TYPE__ACCEPT_INVERSE_OFFERS:
            let answer = try reader.required(call.accept_inverse_offers, "accept_inverse_offers").pointee
            self = .acceptInverseOffers(
                try reader.offerIDs(answer.n_inverse_offer_ids, answer.inverse_offer_ids, "inverse_offer_ids"))
        case MESETA__V1__SCHEDULER__CALL__TYPE__DECLINE_INVERSE_OFFERS:
            let answer = try reader.required(call.decline_inverse_offers, "decline_inverse_offers").pointee
            self = .declineInverseOffers(
                try reader.offerIDs(answer.n_inverse_offer_ids, answer.inverse_offer_ids, "inverse_offer_ids"))
        default:
            self = try Self.taskCall(c, reader)
        }
    }

    /// The calls about tasks and executors that run.
    private static func taskCall(
        _ c: UnsafeMutablePointer<Meseta__Twin__SchedulerCall>, _ reader: MessageReader
    ) throws(MessageError) -> Self {
        let call = c.pointee
        switch call.type {
        case MESETA__V1__SCHEDULER__CALL__TYPE__KILL:
            let kill = try reader.required(call.kill, "kill").pointee
            return .kill(
                try reader.id(kill.task_id, "kill.task_id"), try reader.optionalID(kill.agent_id, "kill.agent_id"),
                grace: try reader.killPolicy(kill.kill_policy))
        case MESETA__V1__SCHEDULER__CALL__TYPE__SHUTDOWN:
            let shutdown = try reader.required(call.shutdown, "shutdown").pointee
            return .shutdown(
                try reader.id(shutdown.executor_id, "shutdown.executor_id"),
                try reader.id(shutdown.agent_id, "shutdown.agent_id"))
        case MESETA__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE:
            let acknowledge = try reader.required(call.acknowledge, "acknowledge").pointee
            return .acknowledge(
                try reader.id(acknowledge.agent_id, "acknowledge.agent_id"),
                try reader.id(acknowledge.task_id, "acknowledge.task_id"),
                uuid: try reader.uuid(acknowledge.uuid, "acknowledge.uuid"))
        case MESETA__V1__SCHEDULER__CALL__TYPE__RECONCILE:
            let reconcile = try reader.required(call.reconcile, "reconcile").pointee
            return .reconcile(
                try reader.list(reconcile.n_tasks, reconcile.tasks) { task throws(MessageError) in
                    SchedulerCall.ReconcileTask(
                        try reader.id(task.pointee.task_id, "reconcile.tasks.task_id"),
                        on: try reader.optionalID(task.pointee.agent_id, "reconcile.tasks.agent_id"))
                })
        case MESETA__V1__SCHEDULER__CALL__TYPE__MESSAGE:
            let message = try reader.required(call.message, "message").pointee
            return .message(
                try reader.id(message.agent_id, "message.agent_id"),
                try reader.id(message.executor_id, "message.executor_id"), reader.bytes(message.data))
        default:
            return .unsupported(SchedulerCallKinds.name(of: call.type))
        }
    }
}

/// The kinds of call that are understood, but not carried out.
private enum SchedulerCallKinds {
    private static let names: [(UInt32, String)] = [
        (MESETA__V1__SCHEDULER__CALL__TYPE__UNKNOWN.rawValue, "UNKNOWN"),
        (MESETA__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS.rawValue, "ACKNOWLEDGE_OPERATION_STATUS"),
        (MESETA__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS.rawValue, "RECONCILE_OPERATIONS"),
    ]

    static func name(of type: Meseta__V1__Scheduler__Call__Type) -> String {
        self.names.first { $0.0 == type.rawValue }?.1 ?? "\(type.rawValue)"
    }

    static func type(named name: String) -> Meseta__V1__Scheduler__Call__Type {
        .init(rawValue: self.names.first { $0.1 == name }?.0 ?? UInt32(name) ?? 0)
    }
}
