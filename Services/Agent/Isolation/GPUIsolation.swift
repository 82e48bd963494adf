internal import Model
internal import Synchronization

/// GPUs of its own for a container that has `gpus`, and none for the others.
///
/// `GPUAllocator` decides, and the kernel keeps the nodes of all others' closed (controller `devices` of version 1;
/// version 2 asks for a program in the kernel instead). Who has what stands in an attribute of the groups, where the next
/// life of the agent finds it. Only the nodes of single GPUs are guarded, not those that a driver needs for all.
final class GPUIsolation: IsolationModule {
    let name = IsolationName.gpu.rawValue
    private let hierarchy: CgroupHierarchy
    private let state: Mutex<GPUAllocator>

    /// Numbers of devices, divided by spaces.
    private static let attribute = "trusted.meseta.gpus"

    /// - Parameter total: What the agent shares out.
    /// - Throws: If that is more than there are devices.
    init(_ hierarchy: CgroupHierarchy, devices: [GPUDevice], total: Resources) throws(IsolationError) {
        guard total.gpus % 1000 == 0, total.gpus / 1000 <= devices.count else {
            let list = devices.isEmpty ? "none" : devices.map(\.path).joined(separator: ", ")
            throw IsolationError(
                "gpus:\(Double(total.gpus) / 1000) are to be shared out, and the devices are \(list): "
                    + "say as many gpus in --resources, or which devices in --gpu-devices")
        }
        self.hierarchy = hierarchy
        self.state = Mutex(GPUAllocator(devices))
    }

    var hierarchies: [CgroupHierarchy] { [self.hierarchy] }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        // A container from before this module was on has no group, and opens what it can.
        guard let directory = run.directory(in: self.hierarchy), Files.isDirectory(directory) else { return }
        let (all, own) = try self.allocate(resources.gpus, to: run.runID)
        do throws(SystemError) {
            let list = own.map(\.number).joined(separator: " ")
            if Files.attribute(Self.attribute, of: directory) != list {
                try Files.setAttribute(Self.attribute, of: directory, to: list)
            }
            for device in all where !own.contains(device) {
                try Files.write("c \(device.number) rwm", to: directory + "/devices.deny")
            }
            for device in own { try Files.write("c \(device.number) rw", to: directory + "/devices.allow") }
        } catch {
            throw IsolationError("cannot set the GPUs: \(error)")
        }
    }

    private func allocate(
        _ milliGPU: Int64, to run: RunID
    ) throws(IsolationError) -> (all: [GPUDevice], own: [GPUDevice]) {
        try self.state.withLock { allocator in
            Result { () throws(IsolationError) in
                try allocator.set(run, milliGPU: milliGPU)
                return (allocator.devices, allocator.devices(of: run))
            }
        }.get()
    }

    /// What the vendor's libraries read: which GPUs of the machine those are, and all of those that can be opened.
    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        let own = self.state.withLock { $0.devices(of: spec.runID) }
        let machine = own.map { "\($0.index)" }.joined(separator: ",")
        start.setEnvironment("NVIDIA_VISIBLE_DEVICES", to: own.isEmpty ? "void" : machine)
        // CUDA counts those that it can open.
        start.setEnvironment("CUDA_VISIBLE_DEVICES", to: own.indices.map { "\($0)" }.joined(separator: ","))
        // Who sees the machine's `/dev` has them there.
        if spec.container?.image != nil, !own.isEmpty { start.devices += own.map(\.path) + GPUDevice.driverPaths() }
    }

    func reset(_ run: CgroupRun) -> Bool {
        // Which devices are closed is set for each container anew.
        guard let directory = run.directory(in: self.hierarchy) else { return false }
        return (try? Files.setAttribute(Self.attribute, of: directory, to: "")) != nil
    }

    func end(_ run: CgroupRun) { self.state.withLock { $0.end(run.runID) } }

    func recover(_ runs: [CgroupRun]) {
        for run in runs {
            guard let directory = run.directory(in: self.hierarchy),
                let list = Files.attribute(Self.attribute, of: directory), !list.isEmpty
            else { continue }
            self.state.withLock { $0.find(run.runID, list.split(separator: " ").map(String.init)) }
        }
    }
}

extension SupervisorStart {
    /// Sets a variable whatever the command says.
    fileprivate mutating func setEnvironment(_ name: String, to value: String) {
        self.environment.removeAll { $0.hasPrefix(name + "=") }
        self.environment.append("\(name)=\(value)")
    }
}
