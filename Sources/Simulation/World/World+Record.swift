import JSONTools
import WorkflowCore
import WorkflowStorage

/// The record as processes reach it: over a connection that may be slow, or lost at any moment.
extension World {
    typealias RecordAnswer<Answer> = Swift.Result<Answer, BatchError>

    /// For how long a transaction may wait for rows that others hold, in microseconds: the statement timeout.
    private static let lockPatience: Int64 = 30_000_000

    /// For how long a transaction may be left alone, in microseconds: what the batch session asks for.
    private static let idlePatience: Int64 = 5_000_000

    private func recordHop() -> Int64 {
        hop() + (recordSlowUntil > now ? number(100_000...3_000_000) : 0)
    }

    private func reaches(_ process: ProcessName) -> Bool {
        isRecordUp && hosts[process.host]?.isCutOff == false
    }

    /// Asks the record for something, on a connection of the pool.
    func askRecord<Answer>(
        from process: ProcessName, _ work: @escaping (World) -> Answer,
        then: @escaping (World, RecordAnswer<Answer>) -> Void
    ) {
        schedule(after: recordHop(), for: process) { world in
            guard world.reaches(process) else {
                return world.schedule(after: world.number(2000...1_000_000), for: process) { world in
                    then(world, .failure(.away("the connection was refused")))
                }
            }
            let epoch = world.recordEpoch
            let answer = work(world)
            world.schedule(after: world.recordHop(), for: process) { world in
                let isWell = world.recordEpoch == epoch && world.reaches(process)
                then(world, isWell ? .success(answer) : .failure(.away("the connection was lost")))
            }
        }
    }

    /// Asks the record for something within an orchestrator's session.
    func askSession<Answer>(
        _ index: Int, _ work: @escaping (World, Int) -> Answer,
        then: @escaping (World, RecordAnswer<Answer>) -> Void
    ) {
        guard let orchestrator = orchestrators[index] else { return }
        let session = orchestrator.session
        orchestrators[index]?.transaction.idleSince = now
        let carryOut: (World) -> Answer = { world in
            // The record waits from the moment it has answered, whether or not anybody is there to hear it.
            defer { world.orchestrators[index]?.transaction.idleSince = world.now }
            return work(world, session)
        }
        askRecord(from: orchestrator.name, carryOut, then: then)
    }

    /// Ends a transaction that is left alone for long: its orchestrator stands still, or is cut off.
    private func watchTransaction(_ number: Int, of index: Int, session: Int) {
        guard let orchestrator = orchestrators[index], orchestrator.session == session,
            orchestrator.transaction.number == number
        else { return }
        let end = orchestrator.transaction.idleSince + Self.idlePatience
        guard now >= end else {
            return schedule(after: end - now) { $0.watchTransaction(number, of: index, session: session) }
        }
        trace("\(orchestrator.name)", "left its transaction alone: the record has ended it")
        record.abandon(session: session)
        orchestrators[index]?.recordEpoch = -1
        releaseWaiters()
    }

    /// Begins a transaction.
    func begin(_ request: BatchRequest, of index: Int, then: @escaping (World, RecordAnswer<BatchLoad>) -> Void) {
        guard let process = orchestrators[index]?.name else { return }
        schedule(after: recordHop(), for: process) { world in
            guard world.reaches(process) else {
                return world.schedule(after: world.number(2000...1_000_000), for: process) { world in
                    then(world, .failure(.away("the connection was refused")))
                }
            }
            world.orchestrators[index]?.recordEpoch = world.recordEpoch
            world.tryToBegin(request, of: index, until: world.now + Self.lockPatience, then: then)
        }
    }

    private func tryToBegin(
        _ request: BatchRequest, of index: Int, until deadline: Int64,
        then: @escaping (World, RecordAnswer<BatchLoad>) -> Void
    ) {
        guard let orchestrator = orchestrators[index] else { return }
        let process = orchestrator.name
        switch record.begin(request, session: orchestrator.session, at: databaseTime) {
        case .began(let load):
            let (delay, number) = (recordHop(), orchestrator.transaction.number + 1)
            orchestrators[index]?.transaction = (number, now + delay)
            watchTransaction(number, of: index, session: orchestrator.session)
            answer(process, epoch: recordEpoch, after: delay) { world, isWell in
                then(world, isWell ? .success(load) : .failure(.away("the connection was lost")))
            }
        case .blocked:
            trace("\(process)", "waits for rows that others hold")
            let epoch = recordEpoch
            var isDone = false
            lockWaiters.append { world in
                guard !isDone, let host = world.hosts[process.host], host.isUp, host.life == process.life,
                    world.recordEpoch == epoch
                else { return true }
                if case .blocked = world.record.begin(
                    request, session: orchestrator.session, at: world.databaseTime)
                {
                    return false
                }
                isDone = true
                world.tryToBegin(request, of: index, until: deadline, then: then)
                return true
            }
            schedule(after: deadline - now, for: process) { world in
                guard !isDone else { return }
                isDone = true
                then(world, .failure(.away("canceling statement due to statement timeout")))
            }
        }
    }

    private func answer(
        _ process: ProcessName, epoch: Int, after delay: Int64, _ then: @escaping (World, Bool) -> Void
    ) {
        schedule(after: delay, for: process) { world in
            then(world, world.recordEpoch == epoch && world.reaches(process))
        }
    }

    /// Lets those go on who waited for rows that are free now.
    func releaseWaiters() {
        let waiting = lockWaiters
        lockWaiters = []
        for waiter in waiting where !waiter(self) { lockWaiters.append(waiter) }
    }

    /// Writes a batch and commits: what becomes of it is the scenario's to say.
    func commit(_ save: BatchSave, of index: Int, then: @escaping (World, RecordAnswer<CommitAnswer>) -> Void) {
        guard let orchestrator = orchestrators[index] else { return }
        let (process, session) = (orchestrator.name, orchestrator.session)
        let number = count("commit")
        let fate = isTroubled ? judge.fates[number] : nil
        let epoch = orchestrator.recordEpoch
        orchestrators[index]?.transaction.number += 1
        commitsInFlight[session] = { world in
            guard world.reaches(process), world.recordEpoch == epoch else { return }
            _ = world.write(save, session: session, process: process)
        }
        // What is on its way arrives, even if its sender stands still.
        schedule(after: recordHop()) { world in
            guard world.orchestrators[index]?.name == process else { return }
            world.commitsInFlight[session] = nil
            func fail(_ error: BatchError) {
                world.record.abandon(session: session)
                world.releaseWaiters()
                world.trace("\(process)", "commit \(number) \(error)")
                world.schedule(after: world.recordHop(), for: process) { then($0, .failure(error)) }
            }
            guard world.recordEpoch == epoch, world.reaches(process) else {
                return fail(.unknownOutcome("the connection was lost with the commit in flight"))
            }
            switch fate {
            case .unknownLost: return fail(.unknownOutcome("the connection was lost with the commit in flight"))
            case .repeatable: return fail(.repeatable("deadlock detected"))
            case .away: return fail(.away("the connection was lost before the commit"))
            case .unknownWritten, nil: break
            }
            let result = world.write(save, session: session, process: process)
            world.schedule(after: world.recordHop(), for: process) { world in
                let isWell = fate == nil && world.recordEpoch == epoch && world.reaches(process)
                if !isWell { world.trace("\(process)", "commit \(number) was written, its answer is lost") }
                then(world, isWell ? result : .failure(.unknownOutcome("the answer to the commit was lost")))
            }
        }
    }

    private func write(_ save: BatchSave, session: Int, process: ProcessName) -> RecordAnswer<CommitAnswer> {
        defer { releaseWaiters() }
        if save.outputs.contains(where: { $0.acceptance.output["text"]?.stringValue == ActionScript.unstorable }) {
            record.abandon(session: session)
            return .failure(.refused("invalid byte sequence for encoding \"UTF8\": 0x00"))
        }
        let before = judge.before(save, in: record)
        do throws(BatchError) {
            let answer = try record.commit(save, session: session, at: databaseTime)
            for (id, event) in save.events { trace("\(process)", "\(judge.name(of: id)) \(describe(event))") }
            judgeCommit(save, before: before)
            return .success(answer)
        } catch {
            if case .refused(let text) = error {
                complain("refused-batch", "the record refused a batch of \(process): \(text)")
            }
            return .failure(error)
        }
    }

    /// The record stops; transactions that are open roll back.
    func stopRecord() {
        isRecordUp = false
        recordEpoch += 1
        for session in 0...sessionCount { record.abandon(session: session) }
        lockWaiters = []
    }
}
