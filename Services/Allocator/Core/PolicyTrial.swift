import Model

extension ClusterPolicy {
    /// What the master's message would be under this policy instead of the operator's.
    ///
    /// The first of all messages brings the roles, too; what the operator decided about roles is left out.
    func replacing(_ message: MasterToAllocator) -> [MasterToAllocator] {
        switch message {
        case .policy:
            return [.policy(PolicyFacts(sharing: self.sharing, revocation: self.revocation))]
                + self.roles.map { .role($0) }
        case .role: return []
        case .framework(var facts):
            let rules = self.frameworks
            let rule =
                rules.last { $0.framework == facts.id.rawValue } ?? rules.last { $0.framework == facts.name }
            facts.weight = rule?.weight ?? 1
            facts.priority = rule?.priority ?? 0
            facts.guarantee = rule?.guarantee ?? .init()
            facts.limit = rule?.limit
            return [.framework(facts)]
        case .agent(var facts):
            facts.minimumOffer = self.minimumOffer(within: facts.total)
            return [.agent(facts)]
        default: return [message]
        }
    }
}
