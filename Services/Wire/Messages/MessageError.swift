/// Why bytes are not the message they were taken for.
public struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// The bytes are no protobuf, end in the middle, or hold a field in a form that its type does not have.
        case malformed
        /// Messages of one type within each other, deeper than `MessageShape.maximumNesting`.
        case tooDeep
        /// A field that must be there is not.
        case missing(field: String)
        /// A field holds what it must not.
        case invalid(field: String, reason: String)
        /// Unpacked, it takes more memory than the arena may give.
        case tooLarge(limit: Int)
        /// A kind that this version does not know; `name` as far as there is one. Events of such a kind are skipped.
        case unknownKind(name: String)
    }

    /// What is wrong.
    public let problem: Problem
    /// The message as the schema names it: `TaskInfo`.
    public let message: String

    /// A problem of the message of that name.
    public init(_ problem: Problem, in message: String) {
        self.problem = problem
        self.message = message
    }

    /// For people: what to fix.
    public var description: String {
        switch self.problem {
        case .malformed:
            "\(self.message) is malformed: the bytes are not the protobuf message that belongs here"
        case .tooDeep:
            "\(self.message) holds messages more than \(MessageShape.maximumNesting) deep"
        case .missing(let field):
            "\(self.message).\(field) is missing"
        case .invalid(let field, let reason):
            "\(self.message).\(field) \(reason)"
        case .tooLarge(let limit):
            "\(self.message) takes more than \(limit) bytes of memory when read"
        case .unknownKind(let name):
            "\(self.message) is of kind \(name), which this version does not know"
        }
    }
}
