/// Whether silence proves anything: only after PostgreSQL and Redis were up, and signals were read in time, for longer
/// than a lease.
package struct Hearing: Sendable, Hashable {
    /// How late a heartbeat may be read, in milliseconds: a lease less the time between two heartbeats. Then an agent that
    /// lives is never silent for a lease.
    static let delayLimitMilliseconds: Int64 = 10_000
    /// The longest that may lie between two notes, in milliseconds.
    static let gapLimitMilliseconds: Int64 = 9000

    /// Since when everything has been well, in milliseconds of a monotonic clock; nil while it isn't.
    package private(set) var goodSince: Int64?
    /// When it was last noted; a longer gap than a round takes means that we ourselves stood still.
    private var lastNote: Int64?
    /// When it was noted before that.
    private var noteBefore: Int64?
    /// How old the oldest unread signal was when last noted, in milliseconds.
    private var lastLag: Int64 = 0

    /// Notes what a look showed: once when it knows how old the oldest unread signal is, and once when it knows what is
    /// due.
    ///
    /// What is read between two looks has waited for no longer than the lag of the first and the time between them. While
    /// that keeps within the limit, a lag of seconds on a busy machine puts nothing off. (If each of them put off all
    /// judgement by a lease, a machine that is always busy would never judge.)
    mutating func note(isRecordUp: Bool, isRoadUp: Bool, signalLagMilliseconds: Int?, at monotonic: Int64) {
        let lag = signalLagMilliseconds.map { Int64($0) }
        let isReadInTime = lag.map { max($0, lastLag) + sinceLook(monotonic) < Self.delayLimitMilliseconds } ?? false
        let stoodStill = lastNote.map { monotonic - $0 > Self.gapLimitMilliseconds } ?? false
        lastLag = lag ?? 0
        noteBefore = lastNote
        lastNote = monotonic
        if !isRecordUp || !isRoadUp || !isReadInTime {
            goodSince = nil
        } else if stoodStill || goodSince == nil {
            goodSince = monotonic
        }
    }

    /// Whether we have listened for at least `milliseconds`, up to the present: who has noted nothing for longer than a
    /// round takes may have stood still since, and what it holds in its hands may be old.
    package func hasListened(for milliseconds: Int, at monotonic: Int64) -> Bool {
        guard let goodSince, let lastNote, monotonic - lastNote <= Self.gapLimitMilliseconds,
            lastLag + sinceLook(monotonic) < Self.delayLimitMilliseconds
        else { return false }
        return monotonic - goodSince >= Int64(milliseconds)
    }

    /// For how long at most the age of the oldest unread signal has not been asked.
    private func sinceLook(_ monotonic: Int64) -> Int64 { (noteBefore ?? lastNote).map { monotonic - $0 } ?? 0 }
}
