import JSONTools

/// A point in time for the loop: one clock for deadlines, another for people.
struct LoopMoment: Sendable, Hashable {
    /// Since the loop began, by a clock that is never set.
    var elapsed: Duration
    /// What the wall clock shows.
    var wall: Timestamp
}
