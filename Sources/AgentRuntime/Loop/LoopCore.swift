import AgentProtocol
import JSONTools
import TaskTransport

/// The ``TaskLoop`` with the attempts that run, behind the shell's lock.
///
/// Everything here is done while the lock is held and takes microseconds: what waits or sends goes into outboxes.
struct LoopCore {
    /// Something that may take a while, or calls code of actions, and is therefore done when the lock is free again.
    enum Afterwards {
        case cancel(Task<Void, Never>)
        case warn(String)
        case touchHealth
    }

    /// An attempt that runs.
    private struct Attempt {
        let work: Task<Void, Never>
        let stop: StopBox
    }

    private var loop: TaskLoop
    private var attempts: [TaskReference: Attempt] = [:]
    private var tickets: [TaskReference: GrantTicket] = [:]
    private var freeExecutors: [SlotExecutor] = []
    private var executorCount = 0
    private var isClosed = false
    private var inputs: [TaskLoop.Input] = []
    private var reports: [ReportOrder] = []
    /// A claim that was decided on, for at least so many tasks.
    private var claim: Int?
    private var afterwards: [Afterwards] = []
    private let start = ContinuousClock.now

    init(loop: TaskLoop) { self.loop = loop }

    /// Whether the clock should be looked at often.
    var isBusy: Bool { loop.isBusy }

    /// Takes in a message and does what follows from it.
    ///
    /// - Returns: What has to be done when the lock is free again.
    mutating func handle(_ message: AgentShell.Message, for shell: AgentShell) -> [Afterwards] {
        receive(message)
        return process(for: shell)
    }

    /// Lets the loop look at the clock.
    ///
    /// - Returns: What has to be done when the lock is free again.
    mutating func tick(for shell: AgentShell) -> [Afterwards] {
        for (reference, state) in shell.progress.take() {
            inputs.append(.progress(reference, state.progress, note: state.note))
        }
        inputs.append(.tick)
        return process(for: shell)
    }

    /// Ends the threads of the slots.
    mutating func close() {
        for executor in freeExecutors { executor.close() }
        freeExecutors = []
        isClosed = true
    }

    private mutating func receive(_ message: AgentShell.Message) {
        switch message {
        case .input(let input):
            inputs.append(input)
        case .decoded(let decoded):
            var tasks: [DecodedTask] = []
            for entry in decoded {
                switch entry {
                case .task(let task): tasks.append(task)
                case .broken(let entry, let reason, let answer):
                    inputs.append(.undecodable(entry, reason: reason, answer: answer))
                }
            }
            inputs.append(.claimed(tasks))
        case .grantWanted(let reference, let ticket):
            tickets[reference] = ticket
            inputs.append(.grantRequested(reference))
        case .slotFree(let executor):
            if isClosed { executor.close() } else { freeExecutors.append(executor) }
        }
    }

    /// Feeds the loop all inputs, those included that come of carrying out its effects.
    private mutating func process(for shell: AgentShell) -> [Afterwards] {
        var position = 0
        while position < inputs.count {
            let input = inputs[position]
            position += 1
            for effect in loop.step(input, now: moment()) { carryOut(effect, for: shell) }
        }
        inputs.removeAll(keepingCapacity: true)
        if let count = claim.take() {
            // Attempts that ended meanwhile have freed their slots since it was decided on.
            shell.claims.put([max(count, loop.wanted)])
        }
        if !reports.isEmpty {
            shell.reports.put(reports)
            reports.removeAll(keepingCapacity: true)
        }
        defer { afterwards.removeAll() }
        return afterwards
    }

    private func moment() -> LoopMoment {
        LoopMoment(elapsed: start.duration(to: .now), wall: .now())
    }

    private mutating func carryOut(_ effect: TaskLoop.Effect, for shell: AgentShell) {
        switch effect {
        case .claim(let count):
            claim = count
        case .start(let task):
            begin(task.envelope, for: shell)
        case .report(let orders):
            for order in orders { forget(order.reference) }
            reports += orders
        case .handBack(let entries):
            shell.chores.put([.handBack(entries)])
        case .discard(let entries):
            shell.chores.put([.discard(entries)])
        case .signal(let signal):
            shell.signals.put([signal])
        case .reject(let signal, let entry):
            shell.chores.put([.reject(signal, entry)])
        case .stop(let reference, let reason):
            if let attempt = attempts[reference] {
                attempt.stop.set(reason)
                afterwards.append(.cancel(attempt.work))
            }
            tickets.removeValue(forKey: reference)?.end(granted: false)
        case .giveUp(let envelope, let reason):
            giveUp(envelope, reason, for: shell)
        case .grant(let reference):
            tickets.removeValue(forKey: reference)?.end(granted: true)
        case .logLevel(let level):
            shell.level.set(level)
        case .heard:
            afterwards.append(.touchHealth)
        case .leave(let goodbye):
            shell.leave(goodbye)
        case .warn(let text):
            afterwards.append(.warn(text))
        }
    }

    /// What was kept for an attempt that has ended by itself.
    private mutating func forget(_ reference: TaskReference) {
        guard loop.running[reference] == nil else { return }
        attempts.removeValue(forKey: reference)
        tickets.removeValue(forKey: reference)?.end(granted: false)
    }

    private mutating func begin(_ envelope: TaskEnvelope, for shell: AgentShell) {
        let reference = envelope.reference
        let executor = freeExecutors.popLast() ?? makeExecutor()
        let stop = StopBox()
        let log = shell.logs.log(of: envelope)
        let desk = AttemptDesk(
            report: { shell.progress.set(reference, $0, $1) },
            requestGrant: {
                let ticket = GrantTicket()
                shell.send(.grantWanted(reference, ticket))
                try await ticket.wait()
            }
        )
        shell.attempts.begin()
        let work = Task(executorPreference: executor) {
            await shell.runner.run(envelope, log: log, desk: desk, stop: stop) { result in
                shell.note(envelope, result)
                if let result {
                    shell.send(.input(.finished(reference, result: result.encoded())))
                } else {
                    shell.send(.input(.abandoned(reference)))
                }
            }
            shell.progress.forget(reference)
            shell.send(.slotFree(executor))
            shell.attempts.end()
        }
        attempts[reference] = Attempt(work: work, stop: stop)
    }

    private mutating func makeExecutor() -> SlotExecutor {
        executorCount += 1
        return SlotExecutor(number: executorCount)
    }

    private mutating func giveUp(_ envelope: TaskEnvelope, _ reason: StopReason, for shell: AgentShell) {
        guard let outcome = ResultBuilder.outcome(stopped: reason, after: nil, envelope) else { return }
        let now = Timestamp.now()
        let result = shell.runner.builder.result(
            of: envelope, outcome, at: .init(started: now, completed: now, duration: .zero))
        inputs.append(.givenUp(envelope.reference, result: result.encoded()))
    }
}
