internal import Model

/// The timers of a role in a simulated process, by name: set, moved or cancelled, and gone with the life of the process.
final class SimulatedTimers<Name: Hashable> {
    /// One that was set; another is made when it is moved.
    private final class Alarm {
        var isSet = true
    }

    private var life = 0
    private var alarms: [Name: Alarm] = [:]

    /// `instant` is by the clock of the process.
    func set(_ name: Name, of process: SimulatedProcess, at instant: Instant, _ fire: @escaping () -> Void) {
        if self.life != process.life {
            self.life = process.life
            self.alarms.removeAll(keepingCapacity: true)
        }
        let alarm = Alarm()
        self.alarms.updateValue(alarm, forKey: name)?.isSet = false
        guard instant < .distantFuture else { return }
        self.wake(alarm, name, of: process, at: instant, fire)
    }

    private func wake(
        _ alarm: Alarm, _ name: Name, of process: SimulatedProcess, at instant: Instant, _ fire: @escaping () -> Void
    ) {
        let life = process.life
        process.cluster.queue.schedule(after: process.wait(until: instant)) {
            guard process.life == life, alarm.isSet else { return }
            // Its clock has become slower meanwhile: no timer is early.
            if process.now < instant {
                return self.wake(alarm, name, of: process, at: instant + .microseconds(1), fire)
            }
            process.post {
                guard process.life == life, alarm.isSet else { return }
                alarm.isSet = false
                self.alarms[name] = nil
                fire()
            }
        }
    }

    func cancel(_ name: Name) { self.alarms.removeValue(forKey: name)?.isSet = false }
}
