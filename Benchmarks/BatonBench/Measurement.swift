/// What one run measured.
struct Measurement: Sendable {
    /// Workflows of six no-op stages, all there at once.
    struct Burst: Sendable {
        /// Workflows.
        var workflows = 0
        /// From the first request (or the release of the agents) to the end of the last stage, in seconds.
        var seconds = 0.0
        /// `POST /workflows`, a second.
        var creations = 0.0
        /// How long `POST /workflows` took to answer.
        var answers = Percentiles([])
        /// CPU seconds by component.
        var cpu: [String: Double] = [:]

        var transitions: Double { Double(workflows * Measurement.stagesPerWorkflow) }
        var transitionsPerSecond: Double { transitions / seconds }
        /// How many cores other programs kept busy meanwhile.
        var disturbance: Double { max(0, cpu[Measurement.others] ?? 0) / seconds }
        /// CPU seconds per 1,000 transitions over all processes of the stack (not of the client).
        var cpuPerThousand: Double {
            cpu.filter { ![Measurement.client, Measurement.others].contains($0.key) }.values.reduce(0, +) / transitions
                * 1000
        }
    }

    /// Workflows one at a time on a system with nothing else to do.
    struct Idle: Sendable {
        var handOver = Percentiles([])
        var whole = Percentiles([])
        var answers = Percentiles([])
        /// How many cores other programs kept busy meanwhile.
        var disturbance = 0.0
    }

    /// The name under which this program's own CPU time is kept.
    static let client = "client"
    /// The name for all programs that have nothing to do with this.
    static let others = "others"
    static let stagesPerWorkflow = 6

    var idle = Idle()
    /// Workflows that are created while the first of them run already.
    var mixed = Burst()
    /// Workflows that were all created before the agents took up the first.
    var held = Burst()
    /// Resident memory at the end of the run, in MB, by component.
    var memory: [String: Double] = [:]
    /// A write of 8 KiB with fdatasync, in the data directory.
    var sync = Percentiles([])
}
