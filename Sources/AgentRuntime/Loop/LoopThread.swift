import AgentProtocol
import BlockingIO
import JSONTools
import Logging
import TaskTransport

/// The thread that owns the ``TaskLoop`` and the attempts that run.
struct LoopThread {
    /// An attempt as the thread knows it.
    private struct Attempt {
        let work: Task<Void, Never>
        let stop: StopBox
    }

    private let shell: AgentShell
    private var loop: TaskLoop
    private var attempts: [TaskReference: Attempt] = [:]
    private var tickets: [TaskReference: GrantTicket] = [:]
    private var freeExecutors: [SlotExecutor] = []
    private var executorCount = 0
    private var inputs: [TaskLoop.Input] = []
    private var reports: [ReportOrder] = []
    private let start = ContinuousClock.now
    private var nextTick = ContinuousClock.now

    init(shell: AgentShell, loop: TaskLoop) {
        self.shell = shell
        self.loop = loop
    }

    /// Works until the loop has left and the mailbox was closed.
    mutating func run() {
        inputs = [.tick]
        process()
        while true {
            let pause = loop.isBusy ? 50 : 250
            switch shell.mailbox.waitAndTakeAll(atMost: 256, timeoutMilliseconds: pause) {
            case .items(let messages):
                for message in messages { receive(message) }
                process()
                if ContinuousClock.now >= nextTick { tick() }
            case .timedOut:
                tick()
            case .closed:
                for executor in freeExecutors { executor.close() }
                return
            }
        }
    }

    private mutating func tick() {
        nextTick = ContinuousClock.now + .milliseconds(50)
        for (reference, state) in shell.progress.take() {
            inputs.append(.progress(reference, state.progress, note: state.note))
        }
        inputs.append(.tick)
        process()
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
            freeExecutors.append(executor)
        }
    }

    /// Feeds the loop all inputs, those included that come of carrying out its effects.
    private mutating func process() {
        var position = 0
        while position < inputs.count {
            let input = inputs[position]
            position += 1
            for effect in loop.step(input, now: moment()) { carryOut(effect) }
        }
        inputs.removeAll(keepingCapacity: true)
        if !reports.isEmpty {
            shell.reports.put(reports)
            reports.removeAll(keepingCapacity: true)
        }
    }

    private func moment() -> LoopMoment {
        LoopMoment(elapsed: start.duration(to: .now), wall: .now())
    }

    private mutating func carryOut(_ effect: TaskLoop.Effect) {
        switch effect {
        case .claim(let count):
            shell.claims.put([count])
        case .start(let task):
            begin(task.envelope)
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
            attempts[reference]?.stop.set(reason)
            attempts[reference]?.work.cancel()
            tickets.removeValue(forKey: reference)?.end(granted: false)
        case .giveUp(let envelope, let reason):
            giveUp(envelope, reason)
        case .grant(let reference):
            tickets.removeValue(forKey: reference)?.end(granted: true)
        case .logLevel(let level):
            shell.level.set(level)
        case .heard:
            shell.health.touch()
        case .leave(let goodbye):
            shell.leave(goodbye)
        case .warn(let text):
            shell.logger.warning("\(text)")
        }
    }

    /// What was kept for an attempt that has ended by itself.
    private mutating func forget(_ reference: TaskReference) {
        guard loop.running[reference] == nil else { return }
        attempts.removeValue(forKey: reference)
        tickets.removeValue(forKey: reference)?.end(granted: false)
    }

    private mutating func begin(_ envelope: TaskEnvelope) {
        let reference = envelope.reference
        if let result = shell.runner.immediateResult(of: envelope) {
            inputs.append(.finished(reference, result: result.encoded()))
            return
        }
        let executor = freeExecutors.popLast() ?? makeExecutor()
        let stop = StopBox()
        let shell = shell
        let log = shell.logs.log(of: envelope)
        let desk = AttemptDesk(
            report: { shell.progress.set(reference, $0, $1) },
            requestGrant: {
                let ticket = GrantTicket()
                shell.send(.grantWanted(reference, ticket))
                try await ticket.wait()
            }
        )
        let work = Task(executorPreference: executor) {
            await shell.runner.run(envelope, log: log, desk: desk, stop: stop) { result in
                if let result {
                    shell.send(.input(.finished(reference, result: result.encoded())))
                } else {
                    shell.send(.input(.abandoned(reference)))
                }
            }
            shell.progress.forget(reference)
            shell.send(.slotFree(executor))
        }
        attempts[reference] = Attempt(work: work, stop: stop)
    }

    private mutating func makeExecutor() -> SlotExecutor {
        executorCount += 1
        return SlotExecutor(number: executorCount)
    }

    private mutating func giveUp(_ envelope: TaskEnvelope, _ reason: StopReason) {
        guard let outcome = ResultBuilder.outcome(stopped: reason, envelope) else { return }
        let now = Timestamp.now()
        let result = shell.runner.builder.result(
            of: envelope, outcome, at: .init(started: now, completed: now, duration: .zero))
        inputs.append(.givenUp(envelope.reference, result: result.encoded()))
    }
}
