import Glibc
import Synchronization

/// The file that says when an agent was last heard by an orchestrator.
final class HealthFile: Sendable {
    /// An agent whose file is older is not healthy, in seconds.
    static let maxAge = 15.0

    let path: String
    private let lastTouch = Mutex<ContinuousClock.Instant?>(nil)

    init(runDirectory: String, agentType: String, processID: Int32 = getpid()) {
        path = "\(runDirectory)/\(agentType)-\(processID).health"
    }

    /// Notes that the agent was heard; at most once a second it reaches the disk.
    func touch() {
        let now = ContinuousClock.now
        let isDue = lastTouch.withLock { last in
            if let last, last.duration(to: now) < .seconds(1) { return false }
            last = now
            return true
        }
        guard isDue else { return }
        if (try? FileSystem.touch(path)) == nil {
            try? FileSystem.makeDirectories(FileSystem.parentDirectory(of: path))
            try? FileSystem.touch(path)
        }
    }

    func remove() { unlink(path) }

    /// Whether some agent of a type is alive and was heard lately, and a line that says why not.
    static func check(runDirectory: String, agentType: String) -> (isHealthy: Bool, message: String) {
        var oldest: String?
        for name in FileSystem.names(in: runDirectory) {
            guard name.hasPrefix(agentType + "-"), name.hasSuffix(".health"),
                let processID = Int32(name.dropFirst(agentType.count + 1).dropLast(7))
            else { continue }
            let path = runDirectory + "/" + name
            guard ProcessTable.startTime(of: processID) != nil, let age = FileSystem.age(of: path) else {
                unlink(path)
                continue
            }
            if age < maxAge { return (true, "the \(agentType) agent \(processID) was heard \(Int(max(age, 0))) s ago") }
            oldest =
                "the \(agentType) agent \(processID) was last heard \(Int(age)) s ago; expected less than "
                + "\(Int(maxAge)) s. Look whether Redis and an orchestrator are up"
        }
        return (
            false,
            oldest
                ?? "no \(agentType) agent that was ever heard runs here (looked in \(runDirectory)); start one, and see "
                + "that BATON_DATA_DIR is the same"
        )
    }
}
