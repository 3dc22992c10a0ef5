/// How long to wait before a process that died is started again.
public struct RestartPolicy: Sendable, Hashable {
    /// The pause after the first death.
    public var initial: Duration
    /// The pause doubles with each further death, up to this.
    public var maximum: Duration
    /// A process that lived this long has earned a fresh start: the count begins anew.
    public var forgivenAfter: Duration

    /// Describes a policy.
    public init(
        initial: Duration = .milliseconds(200),
        maximum: Duration = .seconds(10),
        forgivenAfter: Duration = .seconds(30)
    ) {
        self.initial = initial
        self.maximum = maximum
        self.forgivenAfter = forgivenAfter
    }

    /// The pause before the next start, after so many deaths in a row (1…).
    public func pause(afterDeaths deaths: Int) -> Duration {
        var pause = initial
        for _ in 1..<max(deaths, 1) where pause < maximum { pause = min(pause * 2, maximum) }
        return pause
    }
}

/// What is to become of one process: a value that decides; `ManagedProcess` acts.
///
/// idle → running → (died) resting → running …; a stop leads from any state to stopping or stopped, a start from
/// there back to running.
struct Supervision: Sendable, Hashable {
    enum State: Sendable, Hashable {
        /// Not started yet. Can become running.
        case idle
        /// Runs since then. Can become resting (it died) or stopping.
        case running(since: ContinuousClock.Instant)
        /// Died; is started again when the pause is over. Can become running or stopped.
        case resting
        /// Was told to end. Becomes stopped when it has.
        case stopping
        /// Ended, and stays so until it is started. Can become running.
        case stopped
    }

    enum Event: Sendable, Hashable {
        case start
        case died
        case pauseEnded
        case stop
    }

    enum Directive: Sendable, Hashable {
        case spawn
        case pause(Duration)
        case terminate
        case nothing
    }

    private(set) var state = State.idle
    /// Deaths in a row, each soon after its start.
    private(set) var deaths = 0
    /// Starts after the first.
    private(set) var restarts = 0
    let policy: RestartPolicy

    init(policy: RestartPolicy) { self.policy = policy }

    mutating func apply(_ event: Event, at now: ContinuousClock.Instant) -> Directive {
        switch (event, state) {
        case (.start, .idle), (.start, .stopped):
            deaths = 0
            state = .running(since: now)
            return .spawn
        case (.start, .resting):
            state = .running(since: now)
            return .spawn
        case (.start, .running), (.start, .stopping):
            return .nothing
        case (.died, .running(let since)):
            deaths = now - since >= policy.forgivenAfter ? 1 : deaths + 1
            state = .resting
            return .pause(policy.pause(afterDeaths: deaths))
        case (.died, .stopping):
            state = .stopped
            return .nothing
        case (.died, .idle), (.died, .resting), (.died, .stopped):
            return .nothing  // the end of a process that was replaced meanwhile
        case (.pauseEnded, .resting):
            restarts += 1
            state = .running(since: now)
            return .spawn
        case (.pauseEnded, .idle), (.pauseEnded, .running), (.pauseEnded, .stopping), (.pauseEnded, .stopped):
            return .nothing  // it was started or stopped while it rested
        case (.stop, .running):
            state = .stopping
            return .terminate
        case (.stop, .idle), (.stop, .resting):
            state = .stopped
            return .nothing
        case (.stop, .stopping), (.stop, .stopped):
            return .nothing
        }
    }
}
