/// Weighted dominant-resource fairness (Ghodsi et al., *Dominant Resource Fairness*, NSDI 2011).
///
/// A dominant share is the largest of a contender's shares of the cluster's CPUs, memory, disk, GPUs and other scalars.
/// The smallest by weight is given the next resources: among siblings, at each node of the role tree.
struct FairPolicy: Policy {
    func place(of standing: Standing, share: Double) -> Place {
        Place(value: share / standing.weight)
    }
}
