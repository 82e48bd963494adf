internal import ArgumentParser
internal import Frames
internal import Foundation
internal import Runtime

/// `meseta token create`: makes what lets somebody without the secret read sandboxes.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make tokens that let their bearers read sandboxes.",
        subcommands: [TokenCreate.self])
}

/// `meseta token create`.
struct TokenCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Print a token that lets its bearer read sandboxes at every agent's side port.",
        discussion: """
            It is signed with the cluster's secret, needs no connection, and cannot be called back before it expires. Agents \
            compare the expiry with their own clocks.

            EXAMPLES
              meseta token create --framework 1-F2 --ttl 1h
              meseta token create --framework 1-F2 --task t7 --path maps/out
              curl -H "Authorization: Bearer $(meseta token create --all)" http://agent:5061/sandbox/1-F2/t7/
            """)

    @Option(help: "File with the secret that the cluster shares (default: MESETA_SECRET_FILE).")
    var secretFile: String?
    @Option(help: "The framework whose sandboxes it opens.") var framework: String?
    @Option(help: "Only those of this task or executor.") var task: String?
    @Option(help: "Only what lies below this path of the sandbox.") var path: String?
    @Flag(help: "Open everything that a token can open, of every framework.") var all = false
    @Option(help: "How long it holds.") var ttl = DurationFlag(.seconds(3600))

    func validate() throws {
        guard self.all != (self.framework != nil) else { throw ValidationError("give either --framework or --all") }
        if self.task != nil, self.framework == nil { throw ValidationError("--task needs --framework") }
        if self.path != nil, self.task == nil { throw ValidationError("--path needs --task") }
        for id in [self.framework, self.task] where id?.isEmpty == true { throw ValidationError("an id is not empty") }
        guard self.ttl.duration >= .seconds(1) else { throw ValidationError("--ttl is at least 1s") }
        guard self.ttl.duration <= .seconds(366 * 86400) else { throw ValidationError("--ttl is at most 366d") }
    }

    func run() throws {
        guard let secret = try SandboxAccess.secret(self.secretFile) else {
            throw Complaint(
                "no secret: give --secret-file or set MESETA_SECRET_FILE; a cluster without one needs no token")
        }
        var scope: [String] = []
        if let framework { scope = AccessToken.sandboxes(of: framework) }
        if let task { scope.append(task) }
        if let path { scope += path.split(separator: "/").map(String.init) }
        print(AccessToken(scope: scope, for: self.ttl.duration).signed(with: secret))
    }
}

/// How this command shows agents that it may read.
enum SandboxAccess {
    /// How long the tokens hold that it makes for itself.
    ///
    /// It makes one for each request; a day is for clocks that differ.
    private static let duration: Duration = .seconds(86400)

    /// The secret of a file; without one that of `MESETA_SECRET_FILE`; nil if neither is named.
    static func secret(_ path: String?) throws -> Secret? {
        let variable = ProcessInfo.processInfo.environment["MESETA_SECRET_FILE"]
        guard let path = path ?? variable.flatMap({ $0.isEmpty ? nil : $0 }) else { return nil }
        do { return try Secret(file: path) } catch { throw Complaint("\(error)") }
    }

    /// For the sandboxes of a framework; without a secret what `MESETA_FILE_TOKEN` holds, as a task finds it.
    static func token(for framework: String, _ secret: Secret?) -> String? {
        guard let secret else { return Self.given }
        return AccessToken(scope: AccessToken.sandboxes(of: framework), for: Self.duration).signed(with: secret)
    }

    /// For all that agents tell; without a secret what `MESETA_FILE_TOKEN` holds.
    static func tokenForAll(_ secret: Secret?) -> String? {
        guard let secret else { return Self.given }
        return AccessToken(scope: [], for: Self.duration).signed(with: secret)
    }

    private static var given: String? {
        ProcessInfo.processInfo.environment["MESETA_FILE_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
