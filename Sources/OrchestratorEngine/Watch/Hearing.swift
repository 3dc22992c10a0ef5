/// Whether silence proves anything: only after PostgreSQL and Redis were up, and signals were read without delay, for
/// longer than a lease.
package struct Hearing: Sendable, Hashable {
    /// How old the oldest unread signal may be, in milliseconds.
    static let lagLimitMilliseconds = 1000

    /// Since when everything has been well, in milliseconds of a monotonic clock; nil while it isn't.
    package private(set) var goodSince: Int64?
    /// When it was last noted; a longer gap than a round takes means that we ourselves stood still.
    private var lastNote: Int64?
    /// The longest that may lie between two notes, in milliseconds.
    static let gapLimitMilliseconds: Int64 = 9000

    /// Notes what a look showed.
    mutating func note(isRecordUp: Bool, isRoadUp: Bool, signalLagMilliseconds: Int?, at monotonic: Int64) {
        let isGood =
            isRecordUp && isRoadUp && (signalLagMilliseconds.map { $0 < Self.lagLimitMilliseconds } ?? false)
        let stoodStill = lastNote.map { monotonic - $0 > Self.gapLimitMilliseconds } ?? false
        lastNote = monotonic
        if !isGood {
            goodSince = nil
        } else if stoodStill || goodSince == nil {
            goodSince = monotonic
        }
    }

    /// Whether we have listened for at least `milliseconds`, up to the present: who has noted nothing for longer than a
    /// round takes may have stood still since, and what it holds in its hands may be old.
    package func hasListened(for milliseconds: Int, at monotonic: Int64) -> Bool {
        guard let goodSince, let lastNote, monotonic - lastNote <= Self.gapLimitMilliseconds else { return false }
        return monotonic - goodSince >= Int64(milliseconds)
    }
}
