import Glibc

extension Timestamp {
    /// The wall clock of this machine, for shells only: whatever decides takes its time as an argument.
    public static func now() -> Timestamp {
        var time = timespec()
        let status = clock_gettime(CLOCK_REALTIME, &time)
        precondition(status == 0, "CLOCK_REALTIME exists on every Linux")
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
