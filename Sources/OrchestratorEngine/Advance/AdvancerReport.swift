/// What people should know of the door's work.
package enum AdvancerReport: Sendable, Hashable {
    /// The database asked to repeat a batch; so many tries were made.
    case repeated(String, tries: Int)
    /// The connection was lost with a commit in flight.
    case outcomeUnknown(String)
    /// The record refuses a submission for good.
    case refused(String)
    /// A dead letter could not be kept; it is tried again.
    case notKept(String)
    /// The record is away.
    case recordAway(String)
    /// The record is back.
    case recordBack
}
