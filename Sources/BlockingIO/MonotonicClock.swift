import Glibc

/// The system's monotonic clock, which only ever goes forward and which no administrator sets.
public enum MonotonicClock {
    /// Nanoseconds since some moment before the program started.
    public static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
