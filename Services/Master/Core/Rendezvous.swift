/// Who of several is responsible for something: the one whose name, mixed with that of the thing, weighs most.
///
/// Everybody who knows the names comes to the same answer, and when one of them leaves, only what was its own changes
/// hands (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998).
enum Rendezvous {
    /// A number for a name: FNV-1a, the same in every process.
    static func hash(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// How much a candidate weighs for a thing: the finish of SplitMix64 over both.
    static func weight(of candidate: UInt64, for thing: UInt64) -> UInt64 {
        var mixed = candidate ^ (thing &* 0x9e37_79b9_7f4a_7c15)
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
