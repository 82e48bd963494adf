internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.AllocatorToMaster`.
extension AllocatorToMaster: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AllocatorToMaster>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_ALLOCATION:
            let allocation = c.pointee.allocation!.pointee
            let reader = reader.in("Allocation")
            self = .allocation(
                Allocation(
                    proposal: allocation.proposal, ownership: allocation.ownership,
                    holding: try reader.holding(
                        allocation.agent, allocation.framework, allocation.role, allocation.resources)))
        case MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_REVOCATION:
            let revocation = c.pointee.revocation!.pointee
            let reader = reader.in("Revocation")
            self = .revocation(
                Revocation(
                    proposal: revocation.proposal, agent: revocation.agent, ownership: revocation.ownership,
                    victim: revocation.victim, taskID: try reader.id(revocation.task_id, "task_id"),
                    beneficiary: revocation.beneficiary,
                    grace: try reader.duration(revocation.grace_ns, "grace_ns")))
        case MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_TASKS_WANTED:
            self = .tasksWanted(framework: c.pointee.tasks_wanted)
        case MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_READY:
            self = .ready
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__AllocatorToMaster.self)
        switch self {
        case .allocation(let allocation):
            let target: UnsafeMutablePointer<Meseta__Wire__AllocatorToMaster__Allocation> = arena.make()
            target.pointee.proposal = allocation.proposal
            target.pointee.agent = allocation.holding.agent
            target.pointee.ownership = allocation.ownership
            target.pointee.framework = allocation.holding.framework
            target.pointee.role = arena.text(allocation.holding.role)
            target.pointee.resources = allocation.holding.resources.c(in: arena)
            c.pointee.kind_case = MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_ALLOCATION
            c.pointee.allocation = target
        case .revocation(let revocation):
            let target: UnsafeMutablePointer<Meseta__Wire__AllocatorToMaster__Revocation> = arena.make()
            target.pointee.proposal = revocation.proposal
            target.pointee.agent = revocation.agent
            target.pointee.ownership = revocation.ownership
            target.pointee.victim = revocation.victim
            target.pointee.task_id = arena.text(revocation.taskID.rawValue)
            target.pointee.beneficiary = revocation.beneficiary
            target.pointee.grace_ns = revocation.grace.nanoseconds
            c.pointee.kind_case = MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_REVOCATION
            c.pointee.revocation = target
        case .tasksWanted(let framework):
            c.pointee.kind_case = MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_TASKS_WANTED
            c.pointee.tasks_wanted = framework
        case .ready:
            c.pointee.kind_case = MESETA__WIRE__ALLOCATOR_TO_MASTER__KIND_READY
            c.pointee.ready = 1
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.MasterToAllocator`.
extension MasterToAllocator: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_POLICY:
            self = .policy(try PolicyFacts(c.pointee.policy, reader.in("PolicyFacts")))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_ROLE:
            self = .role(try RoleFacts(c.pointee.role, reader.in("RoleFacts")))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FRAMEWORK:
            self = .framework(try FrameworkFacts(c.pointee.framework, reader.in("FrameworkFacts")))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FRAMEWORK_REMOVED:
            self = .frameworkRemoved(c.pointee.framework_removed)
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_AGENT:
            self = .agent(try AgentFacts(c.pointee.agent, reader.in("AgentFacts")))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_AGENT_REMOVED:
            self = .agentRemoved(c.pointee.agent_removed)
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_SYNCED:
            self = .synced
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_HELD:
            let held = c.pointee.held!.pointee
            self = .held(try reader.in("Held").holding(held.agent, held.framework, held.role, held.resources))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_RECOVERED:
            let recovered = c.pointee.recovered!.pointee
            self = .recovered(
                try reader.in("Recovered").holding(
                    recovered.agent, recovered.framework, recovered.role, recovered.resources))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FILTER:
            let filter = c.pointee.filter!.pointee
            let reader = reader.in("Filter")
            self = .filter(
                try reader.holding(filter.agent, filter.framework, filter.role, filter.resources),
                remaining: try reader.duration(filter.remaining_ns, "remaining_ns"))
        default:
            self = try Self.answer(c, reader)
        }
    }

    private static func answer(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator>, _ reader: MessageReader
    ) throws(MessageError) -> Self {
        switch c.pointee.kind_case {
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVIVED:
            let revived = c.pointee.revived!.pointee
            return .revived(
                framework: revived.framework,
                roles: try reader.in("Revived").texts(revived.n_roles, revived.roles, "roles"))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REQUEST:
            let request = c.pointee.request!.pointee
            let reader = reader.in("Request")
            return .request(
                framework: request.framework, try reader.resources(request.resources, "resources"),
                try reader.optionalID(request.agent_id, "agent_id"))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_DEMAND:
            let demand = c.pointee.demand!.pointee
            return .demand(
                framework: demand.framework, role: try reader.in("Demand").text(demand.role, "role"),
                isWanting: demand.wanting != 0)
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_ALLOCATION_REFUSED:
            let refused = c.pointee.allocation_refused!.pointee
            let reader = reader.in("AllocationRefused")
            return .allocationRefused(
                proposal: refused.proposal, agent: refused.agent, free: try reader.resources(refused.free, "free"),
                message: try reader.text(refused.message, "message"))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVOCATION_REFUSED:
            let refused = c.pointee.revocation_refused!.pointee
            return .revocationRefused(
                proposal: refused.proposal,
                message: try reader.in("RevocationRefused").text(refused.message, "message"))
        case MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVOCABLE:
            let revocable = c.pointee.revocable!.pointee
            let reader = reader.in("Revocable")
            return .revocable(
                framework: revocable.framework,
                try reader.list(revocable.n_tasks, revocable.tasks) { task throws(MessageError) in
                    RevocableTask(
                        agent: task.pointee.agent, taskID: try reader.id(task.pointee.task_id, "task_id"),
                        role: try reader.text(task.pointee.role, "role"),
                        resources: try reader.resources(task.pointee.resources, "resources"),
                        priority: task.pointee.priority)
                })
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__MasterToAllocator.self)
        switch self {
        case .policy(let facts):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_POLICY
            c.pointee.policy = facts.c(in: arena)
        case .role(let facts):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_ROLE
            c.pointee.role = facts.c(in: arena)
        case .framework(let facts):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FRAMEWORK
            c.pointee.framework = facts.c(in: arena)
        case .frameworkRemoved(let index):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FRAMEWORK_REMOVED
            c.pointee.framework_removed = index
        case .agent(let facts):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_AGENT
            c.pointee.agent = facts.c(in: arena)
        case .agentRemoved(let index):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_AGENT_REMOVED
            c.pointee.agent_removed = index
        case .synced:
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_SYNCED
            c.pointee.synced = 1
        case .held(let holding):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_HELD
            c.pointee.held = arena.make()
            c.pointee.held.pointee.agent = holding.agent
            c.pointee.held.pointee.framework = holding.framework
            c.pointee.held.pointee.role = arena.text(holding.role)
            c.pointee.held.pointee.resources = holding.resources.c(in: arena)
        case .recovered(let holding):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_RECOVERED
            c.pointee.recovered = arena.make()
            c.pointee.recovered.pointee.agent = holding.agent
            c.pointee.recovered.pointee.framework = holding.framework
            c.pointee.recovered.pointee.role = arena.text(holding.role)
            c.pointee.recovered.pointee.resources = holding.resources.c(in: arena)
        case .filter(let holding, let remaining):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_FILTER
            c.pointee.filter = arena.make()
            c.pointee.filter.pointee.agent = holding.agent
            c.pointee.filter.pointee.framework = holding.framework
            c.pointee.filter.pointee.role = arena.text(holding.role)
            c.pointee.filter.pointee.resources = holding.resources.c(in: arena)
            c.pointee.filter.pointee.remaining_ns = remaining.nanoseconds
        case .revived, .request, .demand, .allocationRefused, .revocationRefused, .revocable:
            self.fillAnswer(c, in: arena)
        }
        return PackedMessage(c)
    }

    private func fillAnswer(_ c: UnsafeMutablePointer<Meseta__Wire__MasterToAllocator>, in arena: MessageArena) {
        switch self {
        case .revived(let framework, let roles):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVIVED
            c.pointee.revived = arena.make()
            c.pointee.revived.pointee.framework = framework
            c.pointee.revived.pointee.n_roles = roles.count
            c.pointee.revived.pointee.roles = arena.texts(roles)
        case .request(let framework, let resources, let agentID):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REQUEST
            c.pointee.request = arena.make()
            c.pointee.request.pointee.framework = framework
            c.pointee.request.pointee.resources = resources.c(in: arena)
            if let agentID { c.pointee.request.pointee.agent_id = arena.text(agentID.rawValue) }
        case .demand(let framework, let role, let isWanting):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_DEMAND
            c.pointee.demand = arena.make()
            c.pointee.demand.pointee.framework = framework
            c.pointee.demand.pointee.role = arena.text(role)
            c.pointee.demand.pointee.wanting = isWanting ? 1 : 0
        case .allocationRefused(let proposal, let agent, let free, let message):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_ALLOCATION_REFUSED
            c.pointee.allocation_refused = arena.make()
            c.pointee.allocation_refused.pointee.proposal = proposal
            c.pointee.allocation_refused.pointee.agent = agent
            c.pointee.allocation_refused.pointee.free = free.c(in: arena)
            c.pointee.allocation_refused.pointee.message = arena.text(message)
        case .revocationRefused(let proposal, let message):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVOCATION_REFUSED
            c.pointee.revocation_refused = arena.make()
            c.pointee.revocation_refused.pointee.proposal = proposal
            c.pointee.revocation_refused.pointee.message = arena.text(message)
        case .revocable(let framework, let tasks):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_ALLOCATOR__KIND_REVOCABLE
            c.pointee.revocable = arena.make()
            c.pointee.revocable.pointee.framework = framework
            c.pointee.revocable.pointee.n_tasks = tasks.count
            c.pointee.revocable.pointee.tasks = arena.list(tasks) { task in
                let target = arena.make(Meseta__Wire__MasterToAllocator__RevocableTask.self)
                target.pointee.agent = task.agent
                target.pointee.task_id = arena.text(task.taskID.rawValue)
                target.pointee.role = arena.text(task.role)
                target.pointee.resources = task.resources.c(in: arena)
                target.pointee.priority = task.priority
                return target
            }
        case .policy, .role, .framework, .frameworkRemoved, .agent, .agentRemoved, .synced, .held, .recovered, .filter:
            preconditionFailure("\(self) is no answer")
        }
    }
}
