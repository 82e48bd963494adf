/// A part of the cluster as a value: events go in, effects come out.
///
/// It opens no socket, reads no clock, touches no disk. A host drives it in production, the simulator in tests.
public protocol Role {
    /// What can happen to it.
    associatedtype Event
    /// What it can order.
    associatedtype Effect

    /// Takes one event and appends what is to be done about it, in the order in which it must be done.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - now: When; never earlier than at the last call.
    ///   - effects: A buffer that the host empties and reuses.
    mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect])
}

extension Role {
    /// The form that tests call: the effects of one event.
    public mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        self.handle(event, at: now, into: &effects)
        return effects
    }
}
