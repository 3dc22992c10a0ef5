import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// An orchestrator: the cores of the real one, and what its shells keep.
struct OrchestratorProcess {
    let name: World.ProcessName
    /// Its session with the record.
    let session: Int
    /// The record's epoch in which its transaction was begun; -1 if the record has ended that since.
    var recordEpoch = 0
    /// The number of its transaction, from 1, and since when the record waits for more of it, in microseconds.
    var transaction = (number: 0, idleSince: Int64(0))
    var advancer: AdvancerCore
    var sweeper: SweeperCore
    var deferred = DeferredCore()
    let envelopes: EnvelopeFactory
    /// For ids of messages.
    var entropy: EntropySource
    /// Committed effects that wait for the publisher.
    var effects: [BatchEffects] = []
    var isPublishing = false
    /// Entries of the results stream that were read and are not acknowledged.
    var heldResults: Set<String> = []
    var walksResults = true
    var heldSignals: Set<String> = []
    var walksSignals = true
    /// Who waits for an answer, by token.
    var callers: [ReplyToken: (World, SubmissionOutcome) -> Void] = [:]
    var nextToken: UInt64 = 1
    /// How many effects it has carried out.
    var effectCount = 0
    /// It takes nothing in any more and ends when all is written.
    var isDraining = false
    var hasEnded = false

    static let heartbeatMilliseconds = 5000
    static let leaseMilliseconds = 15_000

    init(name: World.ProcessName, session: Int, entropy: EntropySource, monotonic: Int64) {
        self.name = name
        self.session = session
        self.entropy = entropy
        let envelopes = EnvelopeFactory(
            orchestrator: "\(name)", dataDirectory: "/data", heartbeatMilliseconds: Self.heartbeatMilliseconds,
            leaseMilliseconds: Self.leaseMilliseconds)
        self.envelopes = envelopes
        advancer = AdvancerCore(
            envelopes: envelopes, entropy: EntropySource(seed: self.entropy.next()), window: SendWindow())
        sweeper = SweeperCore(
            heartbeatMilliseconds: Self.heartbeatMilliseconds, leaseMilliseconds: Self.leaseMilliseconds, roadEpoch: 1,
            at: monotonic)
    }
}

extension World {
    /// Milliseconds of a process' own monotonic clock.
    func monotonic(_ host: Scenario.Host) -> Int64 {
        5_000_000 + (now - (hosts[host]?.startedAt ?? 0)) / 1000
    }

    func startOrchestrator(_ index: Int) {
        let host = Scenario.Host.orchestrator(index)
        let name = open(host)
        sessionCount += 1
        orchestrators[index] = OrchestratorProcess(
            name: name, session: sessionCount, entropy: EntropySource(seed: random.next()),
            monotonic: monotonic(host))
        trace("\(name)", "starts")
        watch(index, .begin)
        readResults(index)
        readSignals(index)
        claimSignals(index)
        writeDeferred(index)
    }

    /// Before each effect: a scenario may kill the process here.
    ///
    /// - Returns: whether it still lives.
    func countEffect(_ index: Int) -> Bool {
        guard var orchestrator = orchestrators[index] else { return false }
        orchestrator.effectCount += 1
        let count = orchestrator.effectCount
        orchestrators[index] = orchestrator
        guard isTroubled, orchestrator.name.life == 1, judge.crashes[index]?.contains(count) == true else {
            return true
        }
        trace("\(orchestrator.name)", "is killed before its effect \(count)")
        crash(.orchestrator(index), for: 3000)
        return false
    }

    /// Tells the Advancer something and carries out what it says.
    func advance(_ index: Int, _ input: AdvancerCore.Input) {
        guard orchestrators[index] != nil else { return }
        let effects = orchestrators[index]?.advancer.step(input, at: monotonic(.orchestrator(index))) ?? []
        for effect in effects {
            guard countEffect(index) else { return }
            carryOut(effect, of: index)
        }
    }

    private func carryOut(_ effect: AdvancerCore.Effect, of index: Int) {
        guard let name = orchestrators[index]?.name else { return }
        switch effect {
        case .begin(let request):
            begin(request, of: index) { world, answer in world.advance(index, answer.input { .began($0) }) }
        case .fetchDefinition(let hash):
            askSession(index) { world, _ in
                world.record.blobs[hash]
            } then: { world, answer in
                world.advance(index, answer.input { .definition($0) })
            }
        case .fetchOutputs(let keys):
            askSession(index) { world, _ in
                world.record.stageOutputs(keys)
            } then: { world, answer in
                world.advance(index, answer.input { .outputs($0) })
            }
        case .commit(let save):
            commit(save, of: index) { world, answer in world.advance(index, answer.input { .committed($0) }) }
        case .lookUp(let id):
            askSession(index) { world, _ in
                world.record.wasCommitted(id)
            } then: { world, answer in
                world.advance(index, answer.input { .lookedUp(wasCommitted: $0) })
            }
        case .keep(let letters):
            judge.noteBuried(letters)
            askSession(index) { world, _ in
                world.record.keep(letters)
            } then: { world, answer in
                world.advance(index, answer.input { .kept })
            }
        case .probe:
            askSession(index) { _, _ in
                true
            } then: { world, answer in
                if case .success = answer { return world.advance(index, .reachable(true)) }
                world.schedule(after: 1_000_000, for: name) { $0.advance(index, .reachable(false)) }
            }
        case .pause(let milliseconds):
            schedule(after: Int64(milliseconds) * 1000, for: name) { $0.advance(index, .paused) }
        case .abandon:
            let session = orchestrators[index]?.session ?? 0
            orchestrators[index]?.transaction.number += 1
            record.abandon(session: session)
            releaseWaiters()
        case .reply(let replies):
            for (token, outcome) in replies {
                orchestrators[index]?.callers.removeValue(forKey: token)?(self, outcome)
            }
        case .release(let release):
            askRecord(from: name) { world in
                world.record.releaseQueued(
                    agentType: release.agentType, count: release.count, turn: release.turn, at: world.databaseTime)
            } then: { world, answer in
                let tasks = try? answer.get()
                world.advance(index, .released(release, tasks))
            }
        case .handOn(let effects):
            orchestrators[index]?.effects.append(effects)
            publishNext(index)
        case .report(let report):
            trace("\(name)", "\(report)")
        case .end:
            orchestrators[index]?.hasEnded = true
            finishDraining(index)
        }
    }

    /// Submits for somebody who waits for the answer.
    func submit(
        _ body: Submission.Body, to index: Int, then: @escaping (World, SubmissionOutcome) -> Void
    ) {
        guard var orchestrator = orchestrators[index] else { return }
        let token = ReplyToken(number: orchestrator.nextToken)
        orchestrator.nextToken += 1
        orchestrator.callers[token] = then
        orchestrators[index] = orchestrator
        advance(index, .submitted([Submission(body, origin: .caller(token))]))
    }

    /// SIGTERM: nothing more is taken in; what was taken in is finished.
    func drainOrchestrator(_ index: Int) {
        guard orchestrators[index] != nil else { return }
        orchestrators[index]?.isDraining = true
        dropReaders(of: .orchestrator(index))
        advance(index, .stop)
    }

    func finishDraining(_ index: Int) {
        guard let orchestrator = orchestrators[index], orchestrator.isDraining, orchestrator.hasEnded,
            !orchestrator.isPublishing, orchestrator.effects.isEmpty
        else { return }
        let due = orchestrators[index]?.deferred.takeDue(at: monotonic(.orchestrator(index)), all: true)
        let name = orchestrator.name
        askRecord(from: name) { world in
            world.record.markPublished(due?.published ?? [])
            world.record.refresh(due?.summaries ?? [], at: world.databaseTime)
        } then: { world, _ in
            world.trace("\(name)", "has ended in good order")
            world.close(.orchestrator(index))
        }
    }
}

extension Swift.Result where Failure == BatchError {
    /// The answer as the Advancer is told it.
    func input(_ success: (Success) -> AdvancerCore.Input) -> AdvancerCore.Input {
        switch self {
        case .success(let answer): success(answer)
        case .failure(let error): .failed(error)
        }
    }
}
