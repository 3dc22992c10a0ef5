package import AgentProtocol
import JSONTools
package import TaskTransport

/// The rules that an agent keeps while it takes, runs and reports tasks, as a value.
///
/// It knows no clock, no Redis and no task: what happens is told to ``step(_:now:)``, what is to be done is its answer.
/// An attempt goes this way, and no other:
///
/// ```
/// claimed ─▶ running ─▶ held (reporting ─▶ reported) ─▶ settled, forgotten
///               └─▶ stopping ─▶ held, or abandoned when the agent itself ends
/// ```
package struct TaskLoop: Sendable {
    /// Times and sizes that the loop keeps to.
    package struct Limits: Sendable {
        /// How many attempts run at once.
        package var slots = 4
        /// Between two heartbeats; a task may ask for a shorter time.
        package var heartbeat: Duration = .seconds(5)
        /// An attempt that has lasted this long is announced by `started`.
        package var startedAfter: Duration = .milliseconds(250)
        /// After this time without an answer a grant is asked for again.
        package var grantRetry: Duration = .seconds(10)
        /// An attempt that was told to stop and hasn't after this time is reported without it.
        package var stopGrace: Duration = .seconds(5)
        /// A result that isn't settled after this time is sent again, then after twice the time, up to `longestResend`.
        package var resend: Duration = .seconds(8)
        package var longestResend: Duration = .seconds(120)
        /// What couldn't be sent is tried again after this time.
        package var retry: Duration = .milliseconds(500)
        /// On SIGTERM, how long work that was begun may go on.
        package var drain: Duration = .seconds(25)
        /// After that, how long it may take to stop: a tool has two seconds from SIGTERM to SIGKILL.
        package var leave: Duration = .milliseconds(2500)
        /// On SIGTERM, how long a claim that is under way is waited for, so that what it takes can be handed back.
        package var lastClaim: Duration = .seconds(2)
        /// While more results are held, no task is taken.
        package var heldCount = 10_000
        package var heldBytes = 64 << 20
        /// So many held results are listed in a heartbeat, the oldest first.
        package var listedHeld = 500
        /// The most tasks that are taken beyond the free slots, while all that come are answered without a slot.
        package var surplus = 64

        /// What agents keep to unless told otherwise.
        package init() {}
    }

    /// What the loop is told.
    package enum Input: Sendable {
        /// Tasks were taken off the streams; none when none came in time.
        case claimed([DecodedTask])
        /// None could be taken.
        case claimFailed
        /// An entry couldn't be decoded, or only as far as to say whose it is: `result` then answers it.
        case undecodable(ClaimedTask, reason: String, answer: ReportOrder?)
        /// An attempt ended by itself, or was stopped; its result.
        case finished(TaskReference, result: [UInt8])
        /// The result of an attempt that was given up; it still runs.
        case givenUp(TaskReference, result: [UInt8])
        /// An attempt ended because the agent ends; there is no result.
        case abandoned(TaskReference)
        /// Results are on their stream, their entries are gone.
        case reported([TaskReference])
        case notReported([TaskReference])
        case progress(TaskReference, Double, note: String)
        case grantRequested(TaskReference)
        case control(ControlMessage)
        /// The control channel is heard: at start, and after each lost connection.
        case connected
        case disconnected
        /// Time has passed.
        case tick
        /// The agent is asked to end.
        case terminate
    }

    /// What is to be done.
    package enum Effect: Sendable {
        /// Take at most so many tasks; answered by `claimed` or `claimFailed` before the next.
        case claim(Int)
        case start(DecodedTask)
        case report([ReportOrder])
        case handBack([ClaimedTask])
        case discard([ClaimedTask])
        case signal(AgentSignal)
        /// Tell, acknowledge and delete the entry.
        case reject(RejectedSignal, ClaimedTask)
        case stop(TaskReference, StopReason)
        /// The attempt was stopped for this reason long ago and goes on: report in its place.
        case giveUp(TaskEnvelope, StopReason)
        case grant(TaskReference)
        case logLevel(LogLevel)
        /// The orchestrator has heard this agent.
        case heard
        /// All is done: say goodbye and end.
        case leave(GoodbyeSignal)
        case warn(String)
    }

    struct Running: Sendable {
        var task: DecodedTask
        var startedAt: Duration
        var deadline: Duration
        var isAnnounced = false
        var progress: Double?
        var note: String?
        var grantAskedAt: Duration?
        var stop: Stop?

        struct Stop: Sendable {
            var reason: StopReason
            var since: Duration
            /// Whether a result was asked for without it.
            var isGivenUp = false
            /// Whether that result is there. Until then the attempt counts as running: what is listed neither as running
            /// nor as held would pass for lost.
            var isAnswered = false
        }
    }

    struct Held: Sendable {
        enum State: Sendable, Hashable {
            case reporting
            case reported(at: Duration)
            case unsent(since: Duration)
        }

        var order: ReportOrder
        /// Place in the order of results.
        var number: Int
        var state = State.reporting
        var resendAfter: Duration
    }

    enum Phase: Sendable, Hashable {
        case working
        /// Asked to end at `since`: what runs may go on for a while.
        case draining(since: Duration)
        /// Stopping what still ran.
        case stopping(since: Duration)
        case left
    }

    let agentID: String
    let registration: RegisterSignal
    let limits: Limits
    var running: [TaskReference: Running] = [:]
    var held: [TaskReference: Held] = [:]
    var heldBytes = 0
    var nextNumber = 0
    var phase = Phase.working
    /// A claim is under way.
    var isClaiming = false
    /// No claim before this time, after one that failed.
    var nextClaim: Duration = .zero
    var claimBackoff: Duration = .zero
    /// How many tasks were asked for last.
    var asked = 0
    /// How many are asked for beyond the free slots: more while all that come are answered without a slot, none otherwise.
    var surplus = 0
    /// The orchestrator asked for no more tasks.
    var isPaused = false
    var isConnected = false
    var nextHeartbeat: Duration = .zero
    var nextResendCheck: Duration = .zero
    var lastRegistration: Duration?
    var lastHeard: Duration?
    /// Attempts that were stopped before they got here.
    var cancelled = BoundedMemory<TaskReference>(capacity: 4096)
    /// Attempts whose results were settled.
    var done = BoundedMemory<TaskReference>(capacity: 4096)
    var abandoned: [TaskReference] = []

    /// - Parameter registration: What is said at start; `sent_at` is set anew each time.
    package init(registration: RegisterSignal, limits: Limits) {
        agentID = registration.agentID
        self.registration = registration
        self.limits = limits
    }

    /// How many tasks may be taken now.
    package var wanted: Int {
        let free = freeSlots
        return free > 0 ? free + surplus : 0
    }

    /// How many more tasks could run now.
    var freeSlots: Int {
        guard phase == .working, !isPaused, held.count < limits.heldCount, heldBytes < limits.heldBytes else {
            return 0
        }
        return max(0, limits.slots - running.count)
    }

    /// Takes note of what happened and says what is to be done, in this order.
    package mutating func step(_ input: Input, now: LoopMoment) -> [Effect] {
        var effects: [Effect] = []
        switch input {
        case .claimed(let tasks):
            isClaiming = false
            claimBackoff = .zero
            take(tasks, now, &effects)
            adaptSurplus(to: tasks)
        case .claimFailed:
            isClaiming = false
            claimBackoff = claimBackoff == .zero ? limits.retry / 4 : min(claimBackoff * 2, limits.retry * 4)
            nextClaim = now.elapsed + claimBackoff
        case .undecodable(let entry, let reason, let answer):
            refuse(entry, reason, answer, now, &effects)
        case .finished(let reference, let result):
            finish(reference, result, now, &effects)
        case .givenUp(let reference, let result):
            guard let task = running[reference] else { break }
            running[reference]?.stop?.isAnswered = true
            hold(ReportOrder(reference: reference, bytes: result, entry: task.task.entry.withoutBytes), &effects)
        case .abandoned(let reference):
            if running.removeValue(forKey: reference) != nil { abandoned.append(reference) }
        case .reported(let references):
            for reference in references {
                held[reference]?.state = .reported(at: now.elapsed)
                held[reference]?.order.entry = nil
            }
        case .notReported(let references):
            for reference in references { held[reference]?.state = .unsent(since: now.elapsed) }
        case .progress(let reference, let progress, let note):
            running[reference]?.progress = progress
            running[reference]?.note = ProtocolLimits.truncated(note, toBytes: ProtocolLimits.shortTextBytes)
        case .grantRequested(let reference):
            askForGrant(reference, now, &effects)
        case .control(let message):
            heed(message, now, &effects)
        case .connected:
            connect(now, &effects)
        case .disconnected:
            isConnected = false
        case .tick:
            tick(now, &effects)
        case .terminate:
            if phase == .working { phase = .draining(since: now.elapsed) }
        }
        leaveIfDone(now, &effects)
        claimIfWanted(now, &effects)
        return effects
    }

    // MARK: - Tasks

    private mutating func claimIfWanted(_ now: LoopMoment, _ effects: inout [Effect]) {
        guard !isClaiming, now.elapsed >= nextClaim else { return }
        let wanted = wanted
        guard wanted > 0 else { return }
        isClaiming = true
        asked = wanted
        effects.append(.claim(wanted))
    }

    private mutating func refuse(
        _ entry: ClaimedTask,
        _ reason: String,
        _ answer: ReportOrder?,
        _ now: LoopMoment,
        _ effects: inout [Effect]
    ) {
        effects.append(.warn("the entry \(entry.entryID) of \(entry.stream) can't be decoded: \(reason)"))
        if let answer {
            let isKnown = held[answer.reference] != nil || running[answer.reference] != nil
            if isKnown { effects.append(.discard([entry])) } else { hold(answer, &effects) }
            return
        }
        let rejected = RejectedSignal(
            agentID: agentID, sentAt: now.wall, stream: entry.stream, entryID: entry.entryID,
            reason: ProtocolLimits.truncated(reason, toBytes: 2048), bytes: entry.bytes)
        effects.append(.reject(rejected, entry))
    }

    mutating func start(_ task: DecodedTask, _ now: LoopMoment, _ effects: inout [Effect]) {
        let constraints = task.envelope.constraints
        running[task.envelope.reference] = Running(
            task: task,
            startedAt: now.elapsed,
            deadline: now.elapsed + .milliseconds(constraints.timeoutMilliseconds)
        )
        nextHeartbeat = min(nextHeartbeat, now.elapsed + interval(of: task))
        effects.append(.start(task))
    }

    private mutating func finish(
        _ reference: TaskReference, _ result: [UInt8], _ now: LoopMoment, _ effects: inout [Effect]
    ) {
        guard let task = running.removeValue(forKey: reference) else { return }
        // What was given up is reported already.
        guard task.stop?.isAnswered != true else { return }
        hold(ReportOrder(reference: reference, bytes: result, entry: task.task.entry.withoutBytes), &effects)
    }

    /// Reports a result and keeps it until it is settled.
    mutating func hold(_ order: ReportOrder, _ effects: inout [Effect]) {
        keep(order)
        if case .report(let orders)? = effects.last {
            effects[effects.count - 1] = .report(orders + [order])
        } else {
            effects.append(.report([order]))
        }
    }

    mutating func keep(_ order: ReportOrder) {
        held[order.reference] = Held(order: order, number: nextNumber, resendAfter: limits.resend)
        heldBytes += order.bytes.count
        nextNumber += 1
    }

    mutating func settle(_ reference: TaskReference) {
        guard let result = held.removeValue(forKey: reference) else { return }
        heldBytes -= result.order.bytes.count
        done.insert(reference)
    }

    /// Stops an attempt that runs; the first reason counts.
    mutating func stop(
        _ reference: TaskReference, _ reason: StopReason, _ now: LoopMoment, _ effects: inout [Effect]
    ) {
        guard let task = running[reference], task.stop == nil else { return }
        running[reference]?.stop = Running.Stop(reason: reason, since: now.elapsed)
        running[reference]?.grantAskedAt = nil
        effects.append(.stop(reference, reason))
    }

    private mutating func askForGrant(_ reference: TaskReference, _ now: LoopMoment, _ effects: inout [Effect]) {
        guard let task = running[reference], task.stop == nil else { return }
        running[reference]?.grantAskedAt = now.elapsed
        // It says that the attempt has begun, too.
        running[reference]?.isAnnounced = true
        if isConnected { effects.append(.signal(grantRequest(reference, now))) }
    }

    func grantRequest(_ reference: TaskReference, _ now: LoopMoment) -> AgentSignal {
        .grantRequest(GrantRequestSignal(agentID: agentID, sentAt: now.wall, reference: reference))
    }

    /// How often this task wants to be heard of, at least ten times a second and at most as often as usual.
    func interval(of task: DecodedTask) -> Duration {
        min(limits.heartbeat, max(.milliseconds(task.envelope.constraints.heartbeatMilliseconds), .milliseconds(100)))
    }

    private mutating func leaveIfDone(_ now: LoopMoment, _ effects: inout [Effect]) {
        let isOver: Bool
        switch phase {
        case .working, .left:
            return
        case .draining(let since):
            let claims = isClaiming && now.elapsed - since < limits.lastClaim
            isOver = running.isEmpty && !hasUnreported && !claims
        case .stopping(let since):
            // By now a claim has been waited for long enough.
            isOver = running.isEmpty && !hasUnreported || now.elapsed - since >= limits.leave
        }
        guard isOver else { return }
        phase = .left
        let lost = abandoned + runningInOrder.filter { $0.value.stop?.isAnswered != true }.map(\.key)
        effects.append(.leave(GoodbyeSignal(agentID: agentID, sentAt: now.wall, abandoned: lost)))
    }

    /// What runs, the oldest first: the same inputs give the same effects in the same order.
    var runningInOrder: [(key: TaskReference, value: Running)] {
        running.sorted { left, right in
            (left.value.startedAt, left.key.taskID) < (right.value.startedAt, right.key.taskID)
        }
    }

    /// Whether a result is not on its stream yet.
    private var hasUnreported: Bool {
        held.values.contains { result in
            switch result.state {
            case .reporting, .unsent: true
            case .reported: false
            }
        }
    }
}
