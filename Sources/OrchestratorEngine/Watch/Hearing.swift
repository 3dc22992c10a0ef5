/// Whether silence proves anything: only after PostgreSQL and Redis were up, and signals were read without delay, for
/// longer than a lease.
struct Hearing: Sendable, Hashable {
    /// How old the oldest unread signal may be, in milliseconds.
    static let lagLimitMilliseconds = 1000

    /// Since when everything has been well, in milliseconds of a monotonic clock; nil while it isn't.
    private(set) var goodSince: Int64?

    /// Notes what a look showed.
    mutating func note(isRecordUp: Bool, isRoadUp: Bool, signalLagMilliseconds: Int?, at monotonic: Int64) {
        let isGood =
            isRecordUp && isRoadUp && (signalLagMilliseconds.map { $0 < Self.lagLimitMilliseconds } ?? false)
        if !isGood {
            goodSince = nil
        } else if goodSince == nil {
            goodSince = monotonic
        }
    }

    /// Whether we have listened for at least `milliseconds`.
    func hasListened(for milliseconds: Int, at monotonic: Int64) -> Bool {
        guard let goodSince else { return false }
        return monotonic - goodSince >= Int64(milliseconds)
    }
}
