internal import Logging
internal import Model

/// Root file systems of containers' own.
extension Containerizer {
    /// Makes an image ready, and then the container.
    func provision(_ image: ContainerInfo.LocalImage, _ spec: ContainerSpec) {
        self.containers[spec.runID]?.hasImage = true
        self.provisioner.provision(image, for: spec.runID) { result in
            // It was destroyed meanwhile, and its end did not wait.
            guard case .preparing = self.containers[spec.runID]?.stage else {
                return self.provisioner.release(spec.runID)
            }
            switch result {
            case .success(let root):
                self.containers[spec.runID]?.root = root
                self.add(.prepare(spec, root))
            case .failure(let error): self.prepared(spec.runID, .failure(error))
            }
        }
    }

    /// Looks what the image of a container says that an earlier life started: what looks at it needs to know.
    func find(_ image: ContainerInfo.LocalImage, _ runID: RunID) {
        self.containers[runID]?.hasImage = true
        self.provisioner.find(image, for: runID) { result in
            switch result {
            case .success(let root): self.containers[runID]?.root = root
            case .failure(let error):
                self.logger.warning(
                    "The image of a container that runs is not to be had any more: nobody can look into it",
                    metadata: [LogKey.runID: "\(runID)", LogKey.error: "\(error)"])
            }
        }
    }
}
