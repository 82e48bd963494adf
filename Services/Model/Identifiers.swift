/// A name that the cluster passes around and never takes apart.
public protocol Identifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// Wraps a name. Any text is accepted here; what may come from outside is checked by `TaskValidation`.
    init(_ value: String)
}

extension Identifier {
    /// Wraps a name.
    public init(rawValue: String) { self.init(rawValue) }
    /// Wraps a literal.
    public init(stringLiteral value: String) { self.init(value) }
    /// The name itself.
    public var description: String { self.rawValue }
    /// Orders by the name's characters.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Names a framework.
///
/// Issued by the master, kept by the framework for life: `<epoch>-F<n>`.
public struct FrameworkID: Identifier {
    /// The framework's id as it is written in messages and shown to people.
    public let rawValue: String
    /// Takes any text as it is.
    public init(_ value: String) { self.rawValue = value }
}

/// Names an agent.
///
/// Issued by the master on its first registration, kept in the agent's log: `<epoch>-A<n>`.
public struct AgentID: Identifier {
    /// The agent's id as it is written in messages and shown to people.
    public let rawValue: String
    /// Takes any text as it is.
    public init(_ value: String) { self.rawValue = value }
}

/// Names an offer: `<epoch>-O<n>`.
public struct OfferID: Identifier {
    /// The offer's id as it is written in messages and shown to people.
    public let rawValue: String
    /// Takes any text as it is.
    public init(_ value: String) { self.rawValue = value }
}

/// Names a task within its framework.
///
/// Chosen by the scheduler.
public struct TaskID: Identifier {
    /// The task's id as it is written in messages and shown to people.
    public let rawValue: String
    /// Takes any text as it is.
    public init(_ value: String) { self.rawValue = value }
}

/// Names an executor within its framework and agent.
///
/// Chosen by the scheduler.
public struct ExecutorID: Identifier {
    /// The executor's id as it is written in messages and shown to people.
    public let rawValue: String
    /// Takes any text as it is.
    public init(_ value: String) { self.rawValue = value }
}

/// A task of a framework: task ids alone are unique only within one.
public struct TaskKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Whose task it is.
    public let framework: FrameworkID
    /// The task's id within the framework.
    public let task: TaskID

    /// A task id, made unique by its framework.
    public init(_ framework: FrameworkID, _ task: TaskID) {
        self.framework = framework
        self.task = task
    }

    /// `<framework>/<task>`, for logs.
    public var description: String { "\(self.framework)/\(self.task)" }

    /// Orders by framework, then by task.
    public static func < (left: Self, right: Self) -> Bool {
        left.framework == right.framework ? left.task < right.task : left.framework < right.framework
    }
}

/// An executor of a framework, on the agent at hand.
public struct ExecutorKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Whose executor it is.
    public let framework: FrameworkID
    /// The executor's id within the framework.
    public let executor: ExecutorID

    /// An executor id, made unique on its agent by its framework.
    public init(_ framework: FrameworkID, _ executor: ExecutorID) {
        self.framework = framework
        self.executor = executor
    }

    /// `<framework>/<executor>`, for logs.
    public var description: String { "\(self.framework)/\(self.executor)" }

    /// Orders by framework, then by executor.
    public static func < (left: Self, right: Self) -> Bool {
        left.framework == right.framework ? left.executor < right.executor : left.framework < right.framework
    }
}

/// One connection of a role's host, for as long as it lives.
///
/// Dense; used again only long after it is gone.
public struct PeerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The host's number of the connection.
    public let index: UInt32

    /// A number that the host has given to a connection.
    public init(_ index: UInt32) { self.index = index }

    /// `peer-<index>`, for logs.
    public var description: String { "peer-\(self.index)" }

    /// Orders by number, which is not the order of connecting.
    public static func < (left: Self, right: Self) -> Bool { left.index < right.index }
}

/// Sixteen or so bytes that name one status update, or prove who a scheduler is.
public typealias Bytes = [UInt8]
