/// The clock that cores are told the time by: it never jumps, and means something in this process only.
enum MonotonicTime {
    private static let start = ContinuousClock.now

    /// Milliseconds since the process first asked.
    static var milliseconds: Int64 {
        let elapsed = (ContinuousClock.now - start).components
        return elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
    }
}
