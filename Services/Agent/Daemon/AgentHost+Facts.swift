import AgentCore
import Logging
import Model
import Runtime

/// Each fact is a line in the log and a number.
extension AgentHost {
    func observe(_ fact: AgentFact) {
        switch fact {
        case .recovered(let starts, let tasks, let executors):
            self.logger.notice(
                "Recovered",
                metadata: ["starts": "\(starts)", "tasks": "\(tasks)", "executors": "\(executors)"])
        case .reconfigured(let former, let present):
            self.logger.notice(
                "Shares out something else than before",
                metadata: [
                    "former": "\(former.total) \(former.attributes)",
                    "present": "\(present.total) \(present.attributes)",
                ])
        case .attached(let relay, let attachment):
            self.metrics.attachments.add()
            self.logger.info(
                "Attached", metadata: [LogKey.peer: "\(relay)", LogKey.attachment: "\(attachment)"])
        case .detached:
            self.readiness.set("master", problem: "not registered")
            self.logger.warning("The relay is gone; looking for one")
        case .registered(let id, let epoch):
            self.readiness.set("master", problem: nil)
            self.logger.notice("Registered", metadata: [LogKey.agentID: "\(id)", LogKey.epoch: "\(epoch)"])
        case .refused(let message):
            self.readiness.set("master", problem: "refused: \(message)")
            self.logger.error(
                "The master refuses this agent; asking again later", metadata: [LogKey.reason: "\(message)"])
        case .movedOn(let message):
            self.logger.info("The relay sends this agent elsewhere", metadata: [LogKey.reason: "\(message)"])
        case .orderIgnored(let reason):
            self.metrics.ordersIgnored.add()
            self.logger.info("Order ignored", metadata: [LogKey.reason: "\(reason)"])
        case .modeSet(let mode):
            self.logger.notice("An operator has changed the mode", metadata: ["mode": "\(mode.word)"])
        case .statusesResent(let count):
            self.metrics.statusesResent.add(count)
            self.logger.debug("Statuses sent again", metadata: [LogKey.count: "\(count)"])
        case .orphanDestroyed(let run):
            self.logger.warning("A container that no record explains is destroyed", metadata: ["run_id": "\(run)"])
        case .taskAccepted, .taskRefused, .statusMade, .taskRemoved, .updateDropped, .executorDefied,
            .healthCheckFailed:
            self.observe(task: fact)
        case .executorLaunched, .executorSubscribed, .executorRefused, .executorAway, .executorIdle, .executorExited,
            .messageDropped,
            .containerUpdateFailed:
            self.observe(executor: fact)
        }
    }

    private func observe(task fact: AgentFact) {
        switch fact {
        case .taskAccepted(let key):
            self.metrics.tasksAccepted.add()
            self.logger.debug("Task accepted", metadata: Self.metadata(key))
        case .taskRefused(let key, let state, let message):
            self.metrics.tasksRefused.add()
            self.logger.warning(
                "Task refused",
                metadata: Self.metadata(key, [LogKey.state: "\(state.name)", LogKey.reason: "\(message)"]))
        case .statusMade(let key, let state, let message):
            self.metrics.statuses(state)?.add()
            self.logger.debug(
                "Status", metadata: Self.metadata(key, [LogKey.state: "\(state.name)", LogKey.reason: "\(message)"]))
        case .taskRemoved(let key): self.logger.debug("Task removed", metadata: Self.metadata(key))
        case .updateDropped(let key, let reason):
            self.metrics.updatesDropped.add()
            self.logger.warning(
                "Update of an executor dropped", metadata: Self.metadata(key, [LogKey.reason: "\(reason)"]))
        case .healthCheckFailed(let key, let reason):
            self.metrics.healthChecksFailed.add()
            self.logger.info(
                "The health check of a task failed", metadata: Self.metadata(key, [LogKey.reason: "\(reason)"]))
        case .executorDefied(let key, let reason):
            self.metrics.executorsDefiant.add()
            self.logger.warning(
                "Executor did not end a task that has to go, and is ended",
                metadata: Self.metadata(key, [LogKey.reason: "\(reason)"]))
        default: break
        }
    }

    private func observe(executor fact: AgentFact) {
        switch fact {
        case .executorLaunched(let key): self.logger.info("Executor started", metadata: Self.metadata(key))
        case .executorSubscribed(let key): self.logger.info("Executor subscribed", metadata: Self.metadata(key))
        case .executorRefused(let reason):
            self.logger.warning("Executor refused", metadata: [LogKey.reason: "\(reason)"])
        case .executorAway(let key):
            self.logger.warning("The connection to an executor broke", metadata: Self.metadata(key))
        case .executorIdle(let key):
            self.logger.info(
                "Executor has had nothing to run for too long, and is shut down", metadata: Self.metadata(key))
        case .executorExited(let key, let message):
            self.metrics.executorsExited.add()
            self.logger.info("Executor exited", metadata: Self.metadata(key, [LogKey.reason: "\(message)"]))
        case .containerUpdateFailed(let key, let reason):
            self.logger.error(
                "The limits of a container cannot be changed; it is destroyed",
                metadata: Self.metadata(key, [LogKey.reason: "\(reason)"]))
        case .messageDropped(let key):
            self.metrics.messagesDropped.add()
            self.logger.debug("Message dropped", metadata: Self.metadata(key))
        default: break
        }
    }

    private static func metadata(_ key: TaskKey, _ more: Logger.Metadata = [:]) -> Logger.Metadata {
        more.merging([LogKey.frameworkID: "\(key.framework)", LogKey.taskID: "\(key.task)"]) { first, _ in first }
    }

    private static func metadata(_ key: ExecutorKey, _ more: Logger.Metadata = [:]) -> Logger.Metadata {
        more.merging([LogKey.frameworkID: "\(key.framework)", LogKey.executorID: "\(key.executor)"]) { first, _ in
            first
        }
    }
}
