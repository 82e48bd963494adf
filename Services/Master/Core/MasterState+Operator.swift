import Model

// What operators ask: numbers, listings a chunk at a time, the end of a task or a framework.

extension MasterState.Cluster {
    /// A listing under way.
    struct Listing {
        let peer: PeerID
        let id: UInt64
        let table: Table
        /// The next row of the table, or of the history after it.
        var next: Row = 0

        enum Table { case agents, frameworks, tasks, history, offers, shares }
    }

    func received(_ request: OperatorRequest, fromOperator peer: PeerID) {
        guard case .operator? = self.peers[peer] else { return }
        switch request.kind {
        case .status:
            self.answer(peer, request.id, .status(self.statusInWords))
            self.answer(peer, request.id, .done)
        case .agents: self.list(.agents, request.id, peer)
        case .frameworks: self.list(.frameworks, request.id, peer)
        case .tasks: self.list(.tasks, request.id, peer)
        case .offers: self.list(.offers, request.id, peer)
        case .shares: self.list(.shares, request.id, peer)
        case .roles: self.listRoles(request.id, peer)
        case .explain(let framework, let wanted): self.explain(framework, wanted, request.id, peer)
        case .compare: self.compare(request.id, peer)
        case .policy:
            self.answer(peer, request.id, .policy(self.policy, source: self.policySource))
            self.answer(peer, request.id, .done)
        case .applyPolicy(let policy, let source, let isTrial):
            self.applyAsked(policy, source: source, isTrial: isTrial, request.id, peer)
        case .kill(let framework, let task): self.killAsked(framework, task, request.id, peer)
        case .setMode(let id, let mode): self.modeAsked(id, mode, request.id, peer)
        case .teardown(let id):
            guard let framework = self.frameworkRows[id], !self.frameworks[framework].isTerminating else {
                let reason = self.removed.contains(id) ? "has been removed already" : "is not known"
                return self.answer(
                    peer, request.id, .failure("Framework \(Validation.printable(id.rawValue)) \(reason)"))
            }
            self.remove(framework: framework, because: "an operator ended it")
            self.answer(peer, request.id, .done)
        }
    }

    func answer(_ peer: PeerID, _ id: UInt64, _ kind: OperatorResponse.Kind) {
        self.effects.append(.sendToOperator(peer, OperatorResponse(id: id, kind)))
    }

    private func killAsked(_ id: FrameworkID?, _ task: TaskID, _ request: UInt64, _ peer: PeerID) {
        var found: [Row] = []
        if let id {
            found = self.frameworkRows[id].flatMap { self.frameworks[$0].taskIDs[task] }.map { [$0] } ?? []
        } else {
            for (_, framework) in self.frameworks { if let row = framework.taskIDs[task] { found.append(row) } }
        }
        found.removeAll { self.tasks[$0].state.isTerminal }
        let shown = Validation.printable(task.rawValue)
        guard let first = found.first else {
            return self.answer(peer, request, .failure("No task \(shown) is running"))
        }
        guard found.count == 1 else {
            let ids = found.map { self.tasks[$0].key.framework.rawValue }.joined(separator: ", ")
            return self.answer(peer, request, .failure("Several frameworks have a task \(shown), say which: \(ids)"))
        }
        self.kill(first, grace: nil, reason: "an operator wants it so")
        self.answer(peer, request, .done)
    }

    /// The cluster in a few numbers.
    func status(at now: Instant) -> ClusterStatus {
        var status = ClusterStatus()
        status.name = self.name
        status.epoch = self.epoch
        status.address = self.address
        status.agents = UInt32(self.agents.count - self.unreachableCount)
        status.relays = UInt32(self.relays.count)
        status.allocators = UInt32(self.allocators.count - self.shadows.count)
        status.frameworks = UInt32(self.frameworks.count)
        status.tasks = UInt32(self.tasks.count)
        status.offers = UInt32(self.offers.count)
        status.total = self.total
        status.used = self.used
        status.offered = self.offered
        status.leadingFor = now - self.elected
        status.agentsUnreachable = UInt32(self.unreachableCount)
        return status
    }

    /// The same, with what takes longer to count, and what is to be said of it.
    private var statusInWords: ClusterStatus {
        var status = self.status(at: self.now)
        status.agentsAway = UInt32(self.agentDeadlines.count(where: self.isAway))
        status.notes = self.notes(on: status)
        return status
    }

    /// What is not as it should be, and what that means.
    private func notes(on status: ClusterStatus) -> [String] {
        func seconds(_ duration: Duration) -> Int { Int(duration.asSeconds.rounded(.up)) }
        var notes: [String] = []
        if status.relays == 0 {
            notes.append("no relay is connected: tasks run on, but no agent can be reached until one is")
        }
        if status.allocators == 0 {
            notes.append("no allocator is connected: tasks run on, and nothing new is offered until one is")
        }
        let awaited = self.elected + self.settings.recoveryTimeout - self.now
        if awaited > .zero {
            notes.append(
                "this master is new: for \(seconds(awaited)) s more it waits for agents that its predecessor knew, "
                    + "and does not answer for tasks that nobody has told it of")
        }
        if status.agentsAway > 0 {
            notes.append(
                "\(status.agentsAway) of the agents are away: each is given up \(seconds(self.settings.agentTimeout)) s "
                    + "after it left")
        }
        let waiting = self.frameworks.count { $0.element.peer == nil && !$0.element.isTerminating }
        if waiting > 0 {
            notes.append(
                "\(waiting) of the frameworks have no scheduler: their tasks run on until their failover timeout is over"
            )
        }
        return notes
    }
}

// MARK: Listings

extension MasterState.Cluster {
    private func list(_ table: Listing.Table, _ id: UInt64, _ peer: PeerID) {
        self.listings.append(Listing(peer: peer, id: id, table: table))
        if self.listings.count == 1 { self.continueListings() }
    }

    /// Sends the next rows of the listing that was asked for first.
    func continueListings() {
        guard let listing = self.listings.first else { return }
        var left = self.settings.chunk
        var next = listing.next
        let end = self.end(of: listing.table)
        while left > 0, next < end {
            for kind in self.rows(next, of: listing.table) {
                self.answer(listing.peer, listing.id, kind)
                left -= 1
            }
            next += 1
        }
        if next < end {
            self.listings[0].next = next
        } else if listing.table == .tasks {
            self.listings[0] = Listing(peer: listing.peer, id: listing.id, table: .history)
        } else {
            self.answer(listing.peer, listing.id, .done)
            self.listings.removeFirst()
        }
        if !self.listings.isEmpty { self.effects.append(.setTimer(.listing, at: self.now)) }
    }

    private func end(of table: Listing.Table) -> Row {
        switch table {
        case .agents: self.agents.endIndex
        case .frameworks, .shares: self.frameworks.endIndex
        case .tasks: self.tasks.endIndex
        case .history: Row(self.history.count)
        case .offers: self.offers.endIndex
        }
    }

    private func rows(_ row: Row, of table: Listing.Table) -> [OperatorResponse.Kind] {
        switch table {
        case .agents: self.agents.contains(row) ? [.agent(self.listedAgent(row))] : []
        case .frameworks: self.frameworks.contains(row) ? [.framework(self.listedFramework(row))] : []
        case .tasks:
            self.tasks.contains(row) ? [.task(self.withMessage(self.listed(row), self.tasks[row].latestStatus))] : []
        case .history:
            [.task(self.withMessage(self.history[Int(row)].row, self.history[Int(row)].latestStatus))]
        case .offers: self.offers.contains(row) ? [.offer(self.listedOffer(row))] : []
        case .shares: self.frameworks.contains(row) ? self.shares(of: row).map { .share($0) } : []
        }
    }

    private func listedAgent(_ agent: Row) -> AgentRow {
        let entry = self.agents[agent]
        var row = AgentRow(id: entry.id)
        row.hostname = entry.hostname
        row.sidePort = entry.sidePort
        row.relay = entry.relayName
        row.isAttached = entry.isAttached
        row.isActive = entry.isActive
        row.mode = entry.mode
        row.total = entry.total
        row.offered = entry.offers.reduce(Resources()) { $0 + self.offers[$1].resources }
        row.used = entry.tasks.filter { self.tasks[$0].isOccupying }.reduce(Resources()) {
            $0 + self.tasks[$1].resources
        }
        row.used += entry.executors.reduce(Resources()) { $0 + self.executors[$1].resources }
        row.tasks = UInt32(entry.tasks.count { !self.tasks[$0].state.isTerminal })
        row.isDrained = entry.mode.drain != nil && row.tasks == 0 && entry.executors.isEmpty
        row.attributes = entry.attributeList.map(\.description).joined(separator: ";")
        if let owner = entry.owner { row.allocator = self.allocators[owner].name }
        return row
    }

    private func listedFramework(_ framework: Row) -> FrameworkRow {
        let entry = self.frameworks[framework]
        var row = FrameworkRow(id: entry.id)
        row.name = entry.info.name
        row.user = entry.info.user
        row.roles = entry.info.roles
        row.isConnected = entry.peer != nil
        row.isSuppressed = entry.suppressedRoles.count == entry.info.roles.count
        row.tasks = UInt32(entry.tasks.count { !self.tasks[$0].state.isTerminal })
        row.offers = UInt32(entry.offers.count)
        row.used = entry.used
        row.offered = entry.offered
        let held = entry.used + entry.offered
        let shares = [
            (held.cpus, self.total.cpus), (held.mem, self.total.mem), (held.disk, self.total.disk),
            (held.gpus, self.total.gpus),
        ].map { part, whole in whole > 0 ? min(1, Double(part) / Double(whole)) : 0 }
        row.dominantShare = shares.max() ?? 0
        return row
    }

    /// A task in a listing, but for its message.
    func listed(_ task: Row) -> TaskRow {
        let entry = self.tasks[task]
        let agent = self.agents[entry.agent]
        var row = TaskRow(key: entry.key, state: entry.state)
        row.agentID = agent.id
        row.name = entry.name
        row.executorID = entry.executorID
        row.resources = entry.resources
        row.hostname = agent.hostname
        row.sidePort = agent.sidePort
        row.started = entry.started
        row.isHistory = entry.state.isTerminal
        return row
    }

    private func withMessage(_ row: TaskRow, _ status: Bytes) -> TaskRow {
        guard !status.isEmpty, let message = self.codec.status(status)?.message else { return row }
        var row = row
        row.message = message
        return row
    }

    private func listedOffer(_ offer: Row) -> OfferRow {
        let entry = self.offers[offer]
        var row = OfferRow(
            id: self.offerID(entry.serial), frameworkID: self.frameworks[entry.framework].id,
            agentID: self.agents[entry.agent].id)
        row.hostname = self.agents[entry.agent].hostname
        row.resources = entry.resources
        row.age = self.now - entry.made
        return row
    }
}
