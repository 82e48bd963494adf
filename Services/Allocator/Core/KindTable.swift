import Model

/// Kinds of clients: those of one kind can use the same offers of the same agents.
///
/// There are few, however many clients there are. Which agents the constraints of a kind admit is found once, when the agent or the
/// constraints appear; whether what an agent has free is enough is asked once per kind in a decision. So clients that an agent is
/// of no use to cost nothing.
struct KindTable {
    struct Kind: Hashable {
        /// Offers that hold none of these are of no use; none: all are.
        var floor: [Resources]
        /// The number of its constraints.
        var constraints: UInt32
    }

    private var kinds = Interned<Kind>()
    private var constraints = Interned<OfferConstraints>()
    /// What different agents admit: the numbers of constraints, ascending.
    private var admissions = Interned<[UInt32]>()
    /// By admission: the kinds whose constraints are in it; nil until asked for.
    private var admittedKinds: [[UInt32]?] = []

    // MARK: Kinds

    /// The number of a kind, with one more client of it; and that of its constraints if nobody had those before.
    mutating func acquire(
        floor: [Resources], constraints: OfferConstraints
    ) -> (kind: UInt32, newConstraints: UInt32?) {
        let constraints = self.constraints.acquire(constraints)
        let kind = self.kinds.acquire(Kind(floor: floor, constraints: constraints.number))
        if kind.isNew { self.admittedKinds = [] }
        return (kind.number, constraints.isNew ? constraints.number : nil)
    }

    /// One client less.
    mutating func release(_ kind: UInt32) {
        self.constraints.release(self.kinds[kind].constraints)
        if self.kinds.release(kind) { self.admittedKinds = [] }
    }

    /// Whether so much is of use to clients of a kind.
    func isEnough(_ resources: Resources, for kind: UInt32) -> Bool {
        let floor = self.kinds[kind].floor
        return floor.isEmpty || floor.contains { resources.contains($0) }
    }

    // MARK: Admissions

    /// What an agent of such properties admits, with one more agent of that.
    mutating func acquireAdmission(attributes: [Attribute], hostname: String) -> UInt32 {
        let admitted = (0..<self.constraints.endIndex).filter {
            self.constraints.isUsed($0) && self.constraints[$0].admits(attributes: attributes, hostname: hostname)
        }
        return self.admissions.acquire(admitted).number
    }

    /// One agent less.
    mutating func releaseAdmission(_ admission: UInt32) {
        if self.admissions.release(admission) { self.admittedKinds = [] }
    }

    /// What an agent admits now that there are new constraints.
    mutating func readmit(_ admission: UInt32, _ added: UInt32, attributes: [Attribute], hostname: String) -> UInt32 {
        // The number may have been that of other constraints, which it admitted.
        var admitted = self.admissions[admission].filter { $0 != added }
        if self.constraints[added].admits(attributes: attributes, hostname: hostname) {
            admitted.insert(added, at: admitted.firstIndex { $0 > added } ?? admitted.count)
        }
        let readmitted = self.admissions.acquire(admitted).number
        self.releaseAdmission(admission)
        return readmitted
    }

    /// Finds the kinds that can use these resources of an agent of that admission.
    mutating func admitted(_ resources: Resources, by admission: UInt32, into admitted: inout [UInt32]) {
        while self.admittedKinds.count <= admission { self.admittedKinds.append(nil) }
        if self.admittedKinds[Int(admission)] == nil {
            let constraints = self.admissions[admission]
            self.admittedKinds[Int(admission)] = (0..<self.kinds.endIndex).filter {
                self.kinds.isUsed($0) && constraints.contains(self.kinds[$0].constraints)
            }
        }
        admitted.removeAll(keepingCapacity: true)
        for kind in self.admittedKinds[Int(admission)]! where self.isEnough(resources, for: kind) {
            admitted.append(kind)
        }
    }
}
