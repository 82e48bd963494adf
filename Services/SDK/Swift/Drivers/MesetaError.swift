/// What went wrong with a driver.
public struct MesetaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of what went wrong.
    ///
    /// More may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// A few words that name it.
        public let description: String

        /// No master could be reached within the time given.
        public static let masterNotFound = Code(description: "master not found")
        /// The master does not accept the framework's secret.
        public static let credentials = Code(description: "credentials refused")
        /// The master, or the agent of an executor, ended the subscription: replaced by another scheduler, removed, or invalid.
        public static let subscriptionEnded = Code(description: "subscription ended")
        /// An address, a file or an environment variable is not what it must be.
        public static let configuration = Code(description: "configuration")
        /// The end was not an orderly one: something was left behind.
        public static let incomplete = Code(description: "incomplete")
        /// The driver has run before.
        ///
        /// One driver runs once.
        public static let alreadyRunning = Code(description: "already running")
    }

    /// What kind of thing went wrong.
    public var code: Code
    /// For people: what was wrong and what to do.
    public var message: String

    /// An error of that kind.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { self.message }
}
