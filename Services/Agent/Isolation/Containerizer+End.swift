#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Containerizer {
    /// Ends every container and every supervisor, and removes the agent's control groups: nothing of it is left on the
    /// machine but its directory.
    ///
    /// Call it after `shutdown`.
    ///
    /// Takes milliseconds; the supervisors do the killing.
    public func endAll() {
        let supervisors = SupervisorDirectory.existing(below: self.settings.directory)
        for supervisor in supervisors { supervisor.signal(SIGTERM) }
        for supervisor in supervisors where !supervisor.waitUntilFree(milliseconds: 5000) {
            supervisor.signal(SIGKILL)
            _ = supervisor.waitUntilFree(milliseconds: 1000)
        }
        self.isolator.removeStrays(except: [])
        self.isolator.removeAll()
    }
}
