package import JSONTools

/// A point in time for the loop: one clock for deadlines, another for people.
package struct LoopMoment: Sendable, Hashable {
    /// Since the loop began, by a clock that is never set.
    package var elapsed: Duration
    /// What the wall clock shows.
    package var wall: Timestamp

    /// A point in time.
    package init(elapsed: Duration, wall: Timestamp) {
        self.elapsed = elapsed
        self.wall = wall
    }
}
