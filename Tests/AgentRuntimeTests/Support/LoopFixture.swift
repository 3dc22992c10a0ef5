import AgentProtocol
import JSONTools
import TaskTransport

@testable import AgentRuntime

/// A task loop with a clock that stands still until told, and short names for what comes out of it.
struct LoopFixture {
    static let agentID = "demo-00000001"

    var loop: TaskLoop
    var milliseconds = 0

    init(slots: Int = 4, _ change: (inout TaskLoop.Limits) -> Void = { _ in }) {
        var limits = TaskLoop.Limits()
        limits.slots = slots
        change(&limits)
        let registration = RegisterSignal(
            agentID: Self.agentID, sentAt: Timestamp(milliseconds: 0), agentType: "demo", agentVersion: "1",
            actions: [],
            slots: slots, host: "here", pid: 1)
        loop = TaskLoop(registration: registration, limits: limits)
    }

    /// A loop that is connected and waits for tasks.
    static func connected(slots: Int = 4, _ change: (inout TaskLoop.Limits) -> Void = { _ in }) -> LoopFixture {
        var fixture = LoopFixture(slots: slots, change)
        _ = fixture.step(.connected)
        return fixture
    }

    var moment: LoopMoment {
        LoopMoment(elapsed: .milliseconds(milliseconds), wall: Timestamp(milliseconds: Int64(milliseconds)))
    }

    mutating func step(_ input: TaskLoop.Input) -> [Seen] { loop.step(input, now: moment).map(Seen.init) }

    /// Lets time pass, with a tick at its end.
    mutating func pass(_ milliseconds: Int) -> [Seen] {
        self.milliseconds += milliseconds
        return step(.tick)
    }

    mutating func acknowledge(
        known: Bool = true, stop: [Int] = [], go: [Int] = [], granted: [Int] = [], settled: [Int] = [],
        drain: Bool = false, of agentID: String = agentID
    ) -> [Seen] {
        step(
            .control(
                .heartbeatAck(
                    HeartbeatAcknowledgement(
                        agentID: agentID, sentAt: moment.wall, known: known,
                        tasks: stop.map { TaskVerdict(reference: Self.reference($0), verdict: .stop) }
                            + go.map { TaskVerdict(reference: Self.reference($0), verdict: .continue) },
                        granted: granted.map(Self.reference), settled: settled.map(Self.reference), drain: drain))))
    }

    mutating func cancel(_ number: Int) -> [Seen] {
        step(.control(.cancel(CancelMessage(agentID: nil, sentAt: moment.wall, reference: Self.reference(number)))))
    }

    mutating func finish(_ number: Int, bytes: Int = 3) -> [Seen] {
        step(.finished(Self.reference(number), result: Array(repeating: 1, count: bytes)))
    }

    mutating func reported(_ numbers: Int...) -> [Seen] { step(.reported(numbers.map(Self.reference))) }

    static func reference(_ number: Int) -> TaskReference {
        TaskReference(
            taskID: UniqueID(high: 0, low: UInt64(number)), attempt: 1, dispatchID: DispatchID(rawValue: UInt64(number))
        )
    }

    static func task(
        _ number: Int, entry: String? = nil, timeout: Int = 600_000, heartbeat: Int = 5000
    ) -> DecodedTask {
        let id = UniqueID(high: 0, low: UInt64(number))
        return DecodedTask(
            entry: ClaimedTask(stream: "agent:demo:tasks", entryID: entry ?? "\(number)-0", bytes: [1]),
            envelope: TaskEnvelope(
                messageID: id, taskID: id, workflowID: id, attempt: 1, dispatchID: DispatchID(rawValue: UInt64(number)),
                agentType: "demo", action: "noop", stage: "stage",
                constraints: TaskConstraints(timeoutMilliseconds: timeout, heartbeatMilliseconds: heartbeat),
                workflowContext: WorkflowContext(workflowType: "t", workflowName: "n", currentStage: "stage"),
                createdAt: Timestamp(milliseconds: 0), createdBy: "test"))
    }
}

/// An effect in a form that tests can compare, tasks by the numbers they were made with.
enum Seen: Equatable {
    case claim(Int)
    case start(Int)
    case report([Int])
    case handBack([String])
    case discard([String])
    case register
    case heartbeat(running: [Int], held: [Int], free: Int)
    case started(Int)
    case grantRequest(Int)
    case reject(String)
    case stop(Int, StopReason)
    case giveUp(Int, StopReason)
    case grant(Int)
    case logLevel(LogLevel)
    case heard
    case leave([Int])
    case warn

    init(_ effect: TaskLoop.Effect) {
        func number(_ reference: TaskReference) -> Int { Int(reference.taskID.low) }
        switch effect {
        case .claim(let count): self = .claim(count)
        case .start(let task): self = .start(number(task.envelope.reference))
        case .report(let orders): self = .report(orders.map { number($0.reference) })
        case .handBack(let entries): self = .handBack(entries.map(\.entryID))
        case .discard(let entries): self = .discard(entries.map(\.entryID))
        case .reject(_, let entry): self = .reject(entry.entryID)
        case .stop(let reference, let reason): self = .stop(number(reference), reason)
        case .giveUp(let envelope, let reason): self = .giveUp(number(envelope.reference), reason)
        case .grant(let reference): self = .grant(number(reference))
        case .logLevel(let level): self = .logLevel(level)
        case .heard: self = .heard
        case .leave(let goodbye): self = .leave(goodbye.abandoned.map(number).sorted())
        case .warn: self = .warn
        case .signal(let signal):
            switch signal {
            case .register: self = .register
            case .heartbeat(let beat):
                self = .heartbeat(
                    running: beat.running.map { number($0.reference) }.sorted(), held: beat.held.map(number),
                    free: beat.freeSlots)
            case .started(let started): self = .started(number(started.reference))
            case .grantRequest(let request): self = .grantRequest(number(request.reference))
            case .rejected, .goodbye: preconditionFailure("the loop has effects of their own for these")
            }
        }
    }
}
