import AllocatorCore
public import ArgumentParser
import Foundation
public import Model
import PolicyFile
import Runtime

/// The flags of an allocator beside those of every daemon: they name the settings of its core.
struct AllocatorOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Masters, where there is no election.", valueName: "host:port,..."))
    var master: String?

    @Option(
        help: ArgumentHelp(
            "Who is preferred, whatever the policy file says. fair: weighted dominant-resource fairness; priority: strictly, and fair among equals; lottery: by chance, in proportion to weight.",
            valueName: "policy"))
    var policy: SharingPolicy?

    @Flag(
        help: ArgumentHelp(
            "Only watch: propose as if deciding, in a world of its own that the master keeps; compare with: meseta policy compare."
        ))
    var shadow = false

    @Option(
        help: ArgumentHelp("With --shadow: a policy file to try in place of the cluster's.", valueName: "file"))
    var policyFile: String?

    @Option(
        help: ArgumentHelp(
            "Where much comes free, it is gathered for so long before it is offered.", valueName: "duration"))
    var batchWindow = DurationFlag(AllocatorSettings(name: "").batchWindow)

    func validate() throws {
        guard self.batchWindow.duration <= .seconds(60) else {
            throw ValidationError("--batch-window is at most 60s: nothing is offered meanwhile")
        }
        guard self.policyFile == nil || self.shadow else {
            throw ValidationError(
                "--policy-file tries a policy without putting it in force, so it needs --shadow; to put it in force: meseta policy apply"
            )
        }
    }

    /// The settings that these flags make.
    ///
    /// - Throws: `ValidationError` if the policy file cannot be read, or says something wrong.
    func settings(name: String) throws -> AllocatorSettings {
        var settings = AllocatorSettings(name: name)
        settings.policy = self.policy
        settings.isShadow = self.shadow
        settings.trial = try self.policyFile.map { try Self.read($0) }
        settings.batchWindow = self.batchWindow.duration
        return settings
    }

    /// How the policy that it follows is called, for a name that tells watching allocators apart.
    var policyName: String {
        let file = self.policyFile.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        return [file, self.policy?.rawValue].compactMap { $0 }.joined(separator: "-")
    }

    private static func read(_ path: String) throws -> ClusterPolicy {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("\(path) cannot be read: does it exist, may this process read it?")
        }
        switch PolicyFile.read(bytes: Bytes(data)) {
        case .success(let policy): return policy
        case .failure(let problems):
            throw ValidationError(problems.list.map { "\(path):\($0)" }.joined(separator: "\n"))
        }
    }
}

extension SharingPolicy: ExpressibleByArgument {}
