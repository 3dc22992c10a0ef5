import Glibc

/// What this process has used so far.
enum ProcessFigures {
    /// CPU time of the calling thread, in seconds.
    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The most memory since ``forgetPeak()``, in MiB (getrusage(2)).
    static func peakMebibytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1024
    }

    /// Begins the count of the peak anew (proc(5), clear_refs).
    static func forgetPeak() {
        guard let file = fopen("/proc/self/clear_refs", "we") else { return }
        fputs("5", file)
        fclose(file)
    }
}
