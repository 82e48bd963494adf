public import Model

extension SchedulerState {
    /// What can happen to a scheduler.
    public enum Event: Hashable, Sendable {
        /// A master welcomed this scheduler; the epoch is that of its welcome.
        case masterConnected(PeerID, Epoch)
        case masterEvent(SchedulerEvent, from: PeerID)
        case masterDisconnected(PeerID)
        /// The relay of that name, which the host was told to connect, welcomed this scheduler.
        case relayConnected(String, PeerID)
        case relayEvent(SchedulerEvent, from: PeerID)
        case relayDisconnected(PeerID)
        case called(UserCall)
        /// The callback that was given this update is done with it.
        case statusUpdateReturned(TaskID, uuid: Bytes)
        case timerFired(Timer)
    }

    /// What a scheduler orders.
    ///
    /// Carried out in the order given.
    public enum Effect: Hashable, Sendable {
        case sendToMaster(SchedulerCall)
        case sendToRelay(PeerID, SchedulerCall)
        /// Ends the connection to a master and looks for another, first there if it is named.
        case disconnectMaster(PeerID, leader: String?)
        /// Connects to a relay, for ever, showing this subscription.
        case connectRelay(RelayInfo, Subscription)
        /// Ends the connection to the relay of that name, and the attempts at one.
        case disconnectRelay(String)
        /// Runs the user's code, one callback at a time, in order.
        case callBack(Callback)
        /// The framework has this id from now on: whoever shows it takes its tasks over.
        case rememberFrameworkID(FrameworkID)
        /// Sets or moves a timer.
        case setTimer(Timer, at: Instant)
        case cancelTimer(Timer)
        /// All is said: flush, close everything, return to the user. Nothing follows.
        case stopped(Failure?)
    }

    /// What the user asks for.
    public enum UserCall: Hashable, Sendable {
        case accept(SchedulerCall.Accept)
        case decline([OfferID], OfferFilters)
        /// No roles: all.
        case revive(roles: [String])
        /// No roles: all.
        case suppress(roles: [String])
        case kill(TaskID, AgentID?, grace: Duration?)
        case shutdownExecutor(ExecutorID, AgentID)
        case acknowledge(TaskStatus)
        /// No tasks: all that the master knows.
        case reconcile([SchedulerCall.ReconcileTask])
        case message(AgentID, ExecutorID, Bytes)
        case request([SchedulerCall.ResourceRequest])
        case updateFramework(FrameworkInfo)
        case acceptInverseOffers([OfferID])
        case declineInverseOffers([OfferID])
        /// `failover`: the tasks run on, for a scheduler that takes them over; else the framework ends with them.
        case stop(failover: Bool)
    }

    /// What the user is told.
    public enum Callback: Hashable, Sendable {
        case registered(FrameworkID, MasterInfo)
        case reregistered(MasterInfo)
        case disconnected
        case offers([Offer])
        case offerRescinded(OfferID)
        case statusUpdate(TaskStatus)
        case frameworkMessage(AgentID, ExecutorID, Bytes)
        case agentLost(AgentID)
        /// `status` as waitpid() gives it.
        case executorLost(ExecutorID, AgentID, status: Int32?)
        case inverseOffers([InverseOffer])
        case inverseOfferRescinded(OfferID)
        /// In place of those that were told before; at first there are none.
        case guarantees(Guarantees)
        /// It waits as a standby; SUBSCRIBED, and with it `registered`, comes when it is its turn.
        case standby(SchedulerEvent.Standby)
        case error(String)
    }

    /// The timers of a scheduler by name.
    public enum Timer: Hashable, Sendable, CaseIterable {
        /// SUBSCRIBED did not come.
        case registration
        /// Tasks whose states are still unknown are asked about again.
        case reconciliation
        /// An update has waited long enough for the one before it.
        case gap
        /// Acknowledgements have waited long enough for company.
        case acknowledgements
        /// The oldest of the ended tasks is forgotten.
        case retention
        /// No master was found to end the framework at.
        case stop
    }

    /// Why a scheduler ended without being asked to.
    public enum Failure: Error, Hashable, Sendable {
        /// The master ended the subscription, in its own words.
        case subscriptionEnded(String)
        /// `stop` found no master: the framework ends when its failover timeout is over.
        case masterNotFound
    }
}
