import AllocatorCore
public import ArgumentParser
public import Model
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

    @Option(help: ArgumentHelp("What comes free is gathered for so long before it is offered.", valueName: "duration"))
    var batchWindow = DurationFlag(AllocatorSettings(name: "").batchWindow)

    func validate() throws {
        guard self.batchWindow.duration <= .seconds(60) else {
            throw ValidationError("--batch-window is at most 60s: nothing is offered meanwhile")
        }
    }

    /// The settings that these flags make.
    func settings(name: String) -> AllocatorSettings {
        var settings = AllocatorSettings(name: name)
        settings.policy = self.policy
        settings.batchWindow = self.batchWindow.duration
        return settings
    }
}

extension SharingPolicy: ExpressibleByArgument {}
