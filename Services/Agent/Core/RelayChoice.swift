/// Which relay an agent goes to, and where it goes next.
///
/// Rendezvous hashing (Thaler and Ravishankar, 1998): each agent orders all relays by a hash of both names. When a relay
/// goes, only its agents move, and they spread over all others.
public enum RelayChoice {
    /// The relays in the order in which this agent tries them.
    ///
    /// - Parameters:
    ///   - relays: host:port, in any order; the result depends on the set alone.
    ///   - agent: The agent's name.
    ///   - avoiding: Tried last.
    public static func order(_ relays: [String], for agent: String, avoiding: Set<String> = []) -> [String] {
        Set(relays)
            .map { (relay: $0, isAvoided: avoiding.contains($0), weight: Self.weight(agent, $0)) }
            .sorted { left, right in
                if left.isAvoided != right.isAvoided { return right.isAvoided }
                return left.weight == right.weight ? left.relay < right.relay : left.weight > right.weight
            }
            .map(\.relay)
    }

    /// FNV-1a of both names, then mixed (the finalizer of SplitMix64), so that neighbours differ in all bits.
    static func weight(_ agent: String, _ relay: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in [Array(agent.utf8), [0], Array(relay.utf8)].joined() {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }
}
