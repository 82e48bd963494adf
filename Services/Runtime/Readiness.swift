internal import Synchronization

/// What a process still waits for before it can do its work, by name.
///
/// Any thread may use it.
public final class Readiness: Sendable {
    private let checks = Mutex<[(name: String, problem: String?)]>([])

    /// Ready, as long as nobody names a check.
    public init() {}

    /// Records how a check stands: nil for well, or what is missing.
    ///
    /// A new name is added behind the others.
    public func set(_ name: String, problem: String?) {
        self.checks.withLock { checks in
            if let index = checks.firstIndex(where: { $0.name == name }) {
                checks[index].problem = problem
            } else {
                checks.append((name, problem))
            }
        }
    }

    /// Whether all checks are well.
    public var isReady: Bool { self.checks.withLock { $0.allSatisfy { $0.problem == nil } } }

    /// The checks, one a line; all of them, or those that fail.
    func report(verbose: Bool) -> (isReady: Bool, text: String) {
        let checks = self.checks.withLock { $0 }
        let isReady = checks.allSatisfy { $0.problem == nil }
        var text = ""
        for check in checks {
            if let problem = check.problem {
                text += "[-] \(check.name): \(problem)\n"
            } else if verbose {
                text += "[+] \(check.name)\n"
            }
        }
        return (isReady, text + (isReady ? "ready\n" : "not ready\n"))
    }
}
