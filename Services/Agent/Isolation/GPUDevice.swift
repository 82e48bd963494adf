#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A GPU by its device node.
public struct GPUDevice: Hashable, Sendable {
    /// Such as `/dev/nvidia0`.
    public let path: String
    /// Major and minor, as `195:0`.
    let number: String
    /// As the vendor's tools count it: what its name ends in, else its place in the list.
    let index: Int

    /// A path is not that of a device.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// For people: which, and why.
        public let description: String
    }

    /// Looks at device nodes.
    ///
    /// - Throws: If one is not there, is no character device, or is there twice under whatever name.
    public static func find(_ paths: [String]) throws(Invalid) -> [GPUDevice] {
        var found: [GPUDevice] = []
        for (place, path) in paths.enumerated() {
            var about = stat()
            guard stat(path, &about) == 0 else {
                throw Invalid(description: "\(path) cannot be looked at: \(String(errno: errno))")
            }
            guard about.st_mode & S_IFMT == S_IFCHR else {
                throw Invalid(description: "\(path) is no character device")
            }
            let (major, minor) = BlockDevice.numbers(of: UInt64(about.st_rdev)), number = "\(major):\(minor)"
            if let same = found.first(where: { $0.number == number }) {
                throw Invalid(description: "\(path) and \(same.path) are the same device")
            }
            found.append(GPUDevice(path: path, number: number, index: Self.index(of: path) ?? place))
        }
        return found
    }

    /// Those of the machine that the driver of NVIDIA's has made nodes for: `/dev/nvidia0` and on.
    public static func detect() -> [GPUDevice] {
        let names = Files.names(in: "/dev").filter { $0.hasPrefix("nvidia") && Int($0.dropFirst(6)) != nil }
        let paths = names.map { "/dev/\($0)" }.sorted { (Self.index(of: $0) ?? 0) < (Self.index(of: $1) ?? 0) }
        return (try? Self.find(paths)) ?? []
    }

    /// The nodes of the driver of NVIDIA's that the users of all its GPUs need, where there are any.
    static func driverPaths() -> [String] {
        ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"].map { "/dev/\($0)" }.filter {
            access($0, F_OK) == 0
        }
    }

    private static func index(of path: String) -> Int? {
        Int(String(path.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()))
    }
}
