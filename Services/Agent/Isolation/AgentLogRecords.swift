internal import Messages
public import Model

/// What the records of a log say.
public enum AgentLogRecords {
    /// Reads the records of a log.
    ///
    /// - Throws: If one of them cannot be read, as those of a kind that a later version added. To pass over it would be to
    ///   forget what was promised.
    public static func read(_ records: [Bytes], of directory: String) throws(AgentLogError) -> [AgentLogRecord] {
        var result: [AgentLogRecord] = []
        result.reserveCapacity(records.count)
        for (index, bytes) in records.enumerated() {
            do throws(MessageError) { result.append(try AgentLogRecord(encoded: bytes)) } catch {
                throw AgentLogError(
                    description: """
                        record \(index + 1) of \(records.count) in \(directory)/log cannot be read: \(error). A later version of the \
                        agent may have written it, which can be started again. To go on without what this agent knew, move \
                        the directory away: it then registers as a new one, and its old tasks are killed and reported lost
                        """)
            }
        }
        return result
    }

    /// What a new log begins with in a directory where runs of earlier lives have left sandboxes: their numbers are not
    /// used again.
    ///
    /// - Returns: Nil if there are none.
    public static func beginning(below directory: String) -> AgentLogRecord? {
        var highest: RunID = 0
        let root = directory + "/frameworks"
        for framework in Files.names(in: root) {
            for kind in ["tasks", "executors"] {
                let runs = Files.names(in: "\(root)/\(framework)/\(kind)").compactMap(Sandbox.run)
                highest = runs.reduce(highest, max)
            }
        }
        return highest == 0 ? nil : .counters(AgentCounters(number: 0, runID: highest, position: 0, confirmed: 0))
    }
}
