/// A large value that is seldom there, or seldom looked at, kept apart from what holds it.
///
/// What holds it stays small, and a copy of that shares it: a task's description goes through many hands, and tables of entries
/// keep spare room for several.
@propertyWrapper
public struct Apart<Value> {
    @usableFromInline
    indirect enum Storage {
        case absent
        case present(Value)
    }

    @usableFromInline var storage: Storage

    /// Nothing yet.
    @inlinable
    public init() { self.storage = .absent }

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

extension Apart: Equatable where Value: Equatable {}
extension Apart: Hashable where Value: Hashable {}
extension Apart: Sendable where Value: Sendable {}
extension Apart.Storage: Equatable where Value: Equatable {}
extension Apart.Storage: Hashable where Value: Hashable {}
extension Apart.Storage: Sendable where Value: Sendable {}
