/// Strict priority: whoever has the higher one is offered every free resource that it does not reject before a lower one sees it.
///
/// At each node of the role tree, by the priorities of its roles and frameworks; among those of the same priority the smallest
/// dominant share by weight goes first, as in `FairPolicy`. It starves the lower ones if the higher want everything: that is
/// what it is for.
struct PriorityPolicy: Policy {
    func place(of standing: Standing, share: Double) -> Place {
        // The complement is the negation less one: it turns the order, and there is one for every number.
        Place(level: ~standing.priority, value: share / standing.weight)
    }
}
