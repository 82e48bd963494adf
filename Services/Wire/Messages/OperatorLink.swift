internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.OperatorRequest`.
extension OperatorRequest: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorRequest>, _ reader: MessageReader
    ) throws(MessageError) {
        let kind: Kind
        switch c.pointee.kind_case {
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_STATUS: kind = .status
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_AGENTS: kind = .agents
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_FRAMEWORKS: kind = .frameworks
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_TASKS: kind = .tasks
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_OFFERS: kind = .offers
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_KILL:
            let kill = c.pointee.kill!.pointee
            kind = .kill(
                try reader.optionalID(kill.framework_id, "kill.framework_id"),
                try reader.id(kill.task_id, "kill.task_id"))
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_TEARDOWN:
            kind = .teardown(try reader.id(c.pointee.teardown.pointee.framework_id, "teardown.framework_id"))
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_POLICY: kind = .policy
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_APPLY_POLICY:
            let order = c.pointee.apply_policy!.pointee
            kind = .applyPolicy(
                try ClusterPolicy(order.policy, reader), source: reader.bytes(order.source), isTrial: order.trial != 0)
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_ROLES: kind = .roles
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_SHARES: kind = .shares
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_EXPLAIN:
            let explain = c.pointee.explain!.pointee
            kind = .explain(
                try reader.id(explain.framework_id, "explain.framework_id"),
                wanted: try reader.resources(explain.wanted, "explain.wanted"))
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_COMPARE: kind = .compare
        case MESETA__WIRE__OPERATOR_REQUEST__KIND_SET_MODE:
            let order = c.pointee.set_mode!.pointee
            kind = .setMode(
                try reader.id(order.agent_id, "set_mode.agent_id"),
                try AgentMode(try reader.required(order.mode, "set_mode.mode"), reader))
        default:
            throw reader.unknownKind(of: c)
        }
        self.init(id: c.pointee.id, kind)
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__OperatorRequest.self)
        c.pointee.id = self.id
        switch self.kind {
        case .status:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_STATUS
            c.pointee.status = 1
        case .agents:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_AGENTS
            c.pointee.agents = 1
        case .frameworks:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_FRAMEWORKS
            c.pointee.frameworks = 1
        case .tasks:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_TASKS
            c.pointee.tasks = 1
        case .setMode(let agentID, let mode):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_SET_MODE
            c.pointee.set_mode = arena.make()
            c.pointee.set_mode.pointee.agent_id = arena.text(agentID.rawValue)
            c.pointee.set_mode.pointee.mode = mode.c(in: arena)
        case .offers:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_OFFERS
            c.pointee.offers = 1
        case .kill(let frameworkID, let taskID):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_KILL
            c.pointee.kill = arena.make()
            if let frameworkID { c.pointee.kill.pointee.framework_id = arena.text(frameworkID.rawValue) }
            c.pointee.kill.pointee.task_id = arena.text(taskID.rawValue)
        case .teardown(let frameworkID):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_TEARDOWN
            c.pointee.teardown = arena.make()
            c.pointee.teardown.pointee.framework_id = arena.text(frameworkID.rawValue)
        case .policy:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_POLICY
            c.pointee.policy = 1
        case .applyPolicy(let policy, let source, let isTrial):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_APPLY_POLICY
            c.pointee.apply_policy = arena.make()
            c.pointee.apply_policy.pointee.policy = policy.c(in: arena)
            c.pointee.apply_policy.pointee.source = arena.binary(source)
            c.pointee.apply_policy.pointee.trial = isTrial ? 1 : 0
        case .roles:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_ROLES
            c.pointee.roles = 1
        case .shares:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_SHARES
            c.pointee.shares = 1
        case .explain(let frameworkID, let wanted):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_EXPLAIN
            c.pointee.explain = arena.make()
            c.pointee.explain.pointee.framework_id = arena.text(frameworkID.rawValue)
            c.pointee.explain.pointee.wanted = wanted.c(in: arena)
        case .compare:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_REQUEST__KIND_COMPARE
            c.pointee.compare = 1
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.OperatorResponse`.
extension OperatorResponse: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__OperatorResponse>, _ reader: MessageReader
    ) throws(MessageError) {
        let kind: Kind
        switch c.pointee.kind_case {
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_STATUS:
            kind = .status(try ClusterStatus(c.pointee.status, reader.in("OperatorResponse.Status")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_AGENT:
            kind = .agent(try AgentRow(c.pointee.agent, reader.in("OperatorResponse.Agent")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_FRAMEWORK:
            kind = .framework(try FrameworkRow(c.pointee.framework, reader.in("OperatorResponse.Framework")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_TASK:
            kind = .task(try TaskRow(c.pointee.task, reader.in("OperatorResponse.Task")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_OFFER:
            kind = .offer(try OfferRow(c.pointee.offer, reader.in("OperatorResponse.Offer")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_POLICY:
            kind = .policy(
                try ClusterPolicy(c.pointee.policy.pointee.policy, reader),
                source: reader.bytes(c.pointee.policy.pointee.source))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_SHARE:
            kind = .share(try ShareRow(c.pointee.share, reader.in("OperatorResponse.Share")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_OBSTACLE:
            kind = .obstacle(try ObstacleRow(c.pointee.obstacle, reader.in("OperatorResponse.Obstacle")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_SHADOW:
            kind = .shadow(try ShadowRow(c.pointee.shadow, reader.in("OperatorResponse.Shadow")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_COMPARISON:
            kind = .comparison(try ComparisonRow(c.pointee.comparison, reader.in("OperatorResponse.Comparison")))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_FAILURE:
            kind = .failure(try reader.text(c.pointee.failure.pointee.message, "failure.message"))
        case MESETA__WIRE__OPERATOR_RESPONSE__KIND_DONE:
            kind = .done
        default:
            throw reader.unknownKind(of: c)
        }
        self.init(id: c.pointee.id, kind)
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__OperatorResponse.self)
        c.pointee.id = self.id
        switch self.kind {
        case .status(let status):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_STATUS
            c.pointee.status = status.c(in: arena)
        case .agent(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_AGENT
            c.pointee.agent = row.c(in: arena)
        case .framework(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_FRAMEWORK
            c.pointee.framework = row.c(in: arena)
        case .task(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_TASK
            c.pointee.task = row.c(in: arena)
        case .offer(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_OFFER
            c.pointee.offer = row.c(in: arena)
        case .policy(let policy, let source):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_POLICY
            c.pointee.policy = arena.make()
            c.pointee.policy.pointee.policy = policy.c(in: arena)
            c.pointee.policy.pointee.source = arena.binary(source)
        case .share(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_SHARE
            c.pointee.share = row.c(in: arena)
        case .obstacle(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_OBSTACLE
            c.pointee.obstacle = row.c(in: arena)
        case .shadow(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_SHADOW
            c.pointee.shadow = row.c(in: arena)
        case .comparison(let row):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_COMPARISON
            c.pointee.comparison = row.c(in: arena)
        case .failure(let message):
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_FAILURE
            c.pointee.failure = arena.make()
            c.pointee.failure.pointee.message = arena.text(message)
        case .done:
            c.pointee.kind_case = MESETA__WIRE__OPERATOR_RESPONSE__KIND_DONE
            c.pointee.done = 1
        }
        return PackedMessage(c)
    }
}
