internal import ArgumentParser
internal import MesetaSDK

/// `SOURCE:TARGET[:ro]`: a volume of a task.
struct VolumeArgument: ExpressibleByArgument, Hashable {
    let volume: ContainerInfo.Volume

    /// Reads it; nil if it is not of that form.
    init?(argument: String) {
        var parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let mode = parts.count == 3 ? parts.removeLast() : "rw"
        guard parts.count == 2, ["ro", "rw"].contains(mode), !parts.contains("") else { return nil }
        self.volume = ContainerInfo.Volume(
            parts[1], parts[0].hasPrefix("/") ? .host(parts[0]) : .sandbox(parts[0]), isReadOnly: mode == "ro")
    }
}
