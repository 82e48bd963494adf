/// A large value that is seldom there, or seldom looked at, kept apart from what holds it.
///
/// What holds it stays small, and a copy of that shares it: a task's description goes through many hands.
@propertyWrapper
public struct Apart<Value: Hashable & Sendable>: Hashable, Sendable {
    @usableFromInline
    indirect enum Storage: Hashable, Sendable {
        case absent
        case present(Value)
    }

    @usableFromInline var storage: Storage

    /// Keeps it, if there is one.
    @inlinable
    public init(wrappedValue: Value?) {
        self.storage = wrappedValue.map { .present($0) } ?? .absent
    }

    /// Nil if there is none.
    @inlinable
    public var wrappedValue: Value? {
        get { if case .present(let value) = self.storage { value } else { nil } }
        set { self.storage = newValue.map { .present($0) } ?? .absent }
    }
}
