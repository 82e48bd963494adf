public import Model

extension UsageReport {
    /// As the side port tells it: an object with `agent`, `node`, `totals` and `containers`.
    ///
    /// What is not known is left out, everywhere.
    ///
    /// - Parameters:
    ///   - agent: The agent's id; nil before it has one.
    ///   - name: The agent's name.
    ///   - total: What it shares out.
    public func json(agent: AgentID?, name: String, total: Resources, node pressure: NodePressure) -> String {
        var head = JSONObject()
        head.add("id", agent?.rawValue)
        head.add("name", name)
        var node = JSONObject()
        node.add("cpus", Double(total.cpus) / 1000)
        node.add("load", pressure.load)
        node.add("memory_total_bytes", pressure.memoryTotal)
        node.add("memory_available_bytes", pressure.memoryAvailable)
        var stalls = JSONObject()
        for stall in pressure.stalls { stalls.add(stall.resource, stall.share) }
        node.add("pressure", stalls)
        var totals = JSONObject()
        totals.add("containers", UInt64(self.containers.count))
        totals.add("cpu_cores", self.cores)
        totals.add("memory_bytes", self.memoryBytes)
        totals.add("disk_bytes", self.diskBytes)
        totals.add("processes", self.processes)
        var all = JSONObject()
        all.add("agent", head)
        all.add("node", node)
        all.add("totals", totals)
        all.add("containers", self.containers.map(\.json))
        return all.text + "\n"
    }
}

extension UsageReport.Container {
    fileprivate var json: JSONObject {
        var object = JSONObject()
        object.add("framework", self.frameworkID.rawValue)
        object.add("task", self.taskID?.rawValue)
        object.add("executor", self.executorID?.rawValue)
        object.add("run", self.runID)
        object.add("cpus", Double(self.resources.cpus) / 1000)
        object.add("cpu_seconds", self.usage.cpuTime.map { $0 / .seconds(1) })
        object.add("cpu_cores", self.cores)
        object.add("processors", self.usage.processors)
        object.add("memory_bytes", self.usage.memoryBytes)
        object.add("memory_limit_bytes", self.usage.memoryLimitBytes)
        object.add("memory_peak_bytes", self.usage.memoryPeakBytes)
        object.add("processes", self.usage.processes)
        object.add("disk_bytes", self.usage.diskBytes)
        object.add("disk_quota_bytes", self.usage.diskQuotaBytes)
        object.add("io_read_bytes", self.usage.io?.readBytes)
        object.add("io_written_bytes", self.usage.io?.writtenBytes)
        object.add("io_reads", self.usage.io?.reads)
        object.add("io_writes", self.usage.io?.writes)
        return object
    }
}

/// An object of JSON in the making.
private struct JSONObject {
    private var fields: [String] = []

    var text: String { "{" + self.fields.joined(separator: ",") + "}" }

    mutating func add(_ name: String, _ text: String?) {
        if let text { self.fields.append("\"\(name)\":\"\(text.escapedForJSON)\"") }
    }
    mutating func add(_ name: String, _ number: UInt64?) {
        if let number { self.fields.append("\"\(name)\":\(number)") }
    }
    mutating func add(_ name: String, _ number: Double?) {
        if let number, number.isFinite { self.fields.append("\"\(name)\":\((number * 1e6).rounded() / 1e6)") }
    }
    mutating func add(_ name: String, _ object: JSONObject) { self.fields.append("\"\(name)\":\(object.text)") }
    mutating func add(_ name: String, _ objects: [JSONObject]) {
        self.fields.append("\"\(name)\":[\(objects.map(\.text).joined(separator: ","))]")
    }
}
