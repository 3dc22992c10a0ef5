package import JSONTools

/// What people should know of what the sweeper saw.
package enum SweeperReport: Sendable, Hashable {
    /// A workflow is overdue, or nothing could wake it: its rows are held against its state.
    case overdue(workflowID: UniqueID)
    /// An agent fell silent for longer than its lease.
    case silent(agentID: String, workflowID: UniqueID)
    /// So many findings are not judged yet, as something that no orchestrator is done with may speak against them.
    case heldOff(findings: Int)
    /// Results that another orchestrator left are taken up.
    case tookUp(results: Int)
    /// The streams and the record did not agree.
    case broughtInLine(removed: Int, events: Int)
    /// Sends that are nowhere to be found go out again.
    case sentAgain(count: Int)
    /// The record could not be asked.
    case couldNotLook(String)
    /// The streams could not be walked.
    case couldNotWalk
}
