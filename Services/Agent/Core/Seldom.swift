/// A value that is large and seldom there, or seldom looked at: where it is declared it takes one word.
///
/// Tables of entries keep spare room for several, and an entry is copied whenever something of it is read.
@propertyWrapper
struct Seldom<Value> {
    fileprivate indirect enum Box { case value(Value) }

    private var box: Box?

    init() {}

    init(wrappedValue: Value?) { self.box = wrappedValue.map { .value($0) } }

    var wrappedValue: Value? {
        get { if case .value(let value)? = self.box { value } else { nil } }
        set { self.box = newValue.map { .value($0) } }
    }
}

extension Seldom: Sendable where Value: Sendable {}
extension Seldom.Box: Sendable where Value: Sendable {}
