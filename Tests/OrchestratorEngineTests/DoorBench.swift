import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

/// An `AdvancerCore` with a record in memory, driven by hand: each request waits until the test says what becomes of it.
struct DoorBench {
    var core: AdvancerCore
    var record = InMemoryRecord()
    let definition: WorkflowDefinition
    /// The request that waits for its answer.
    private(set) var request: AdvancerCore.Effect?
    private(set) var replies: [ReplyToken: [SubmissionOutcome]] = [:]
    private(set) var handedOn: [BatchEffects] = []
    private(set) var reports: [AdvancerReport] = []
    private(set) var releases: [SendWindow.Release] = []
    private(set) var saves: [BatchSave] = []
    private(set) var hasEnded = false
    private(set) var abandoned = 0
    private var nextToken: UInt64 = 1
    private var now = Timestamp(microseconds: 1_700_000_000_000_000)

    init(stages: Int = 2, window: SendWindow? = nil) throws {
        let list = try (1...stages).map { index in
            StageDefinition(
                name: "s\(index)", agent: "scaffold", action: "noop", workspace: .none,
                needs: index == 1 ? [] : ["s\(index - 1)"], with: try CompiledTemplate([:]), condition: nil,
                required: true)
        }
        definition = WorkflowDefinition(name: "chain", description: "", input: nil, totalTimeout: nil, stages: list)
        core = AdvancerCore(
            envelopes: EnvelopeFactory(orchestrator: "o", dataDirectory: "/nowhere"), entropy: EntropySource(seed: 7),
            window: window)
        record.store(definition, source: "test", at: now)
    }

    mutating func tell(_ input: AdvancerCore.Input, at monotonic: Int64 = 0) {
        switch input {
        case .submitted, .stop, .loads, .released: break
        default: request = nil
        }
        for effect in core.step(input, at: monotonic) {
            switch effect {
            case .reply(let list): for (token, outcome) in list { replies[token, default: []].append(outcome) }
            case .handOn(let effects): handedOn.append(effects)
            case .report(let report): reports.append(report)
            case .abandon:
                abandoned += 1
                record.abandon(session: 1)
            case .end: hasEnded = true
            case .release(let release): releases.append(release)
            default:
                #expect(request == nil, "one request at a time")
                request = effect
            }
        }
    }

    /// A caller's submission.
    mutating func call(_ body: Submission.Body) -> ReplyToken {
        let token = ReplyToken(number: nextToken)
        nextToken += 1
        tell(.submitted([Submission(body, origin: .caller(token))]))
        return token
    }

    func creation(named name: String = "a test", key: String? = nil, bodyHash: String? = nil) -> Creation {
        Creation(
            type: "chain", definitionHash: definition.contentHash, definitionVersion: 1, name: name, createdBy: "ann",
            idempotencyKey: key, bodyHash: bodyHash)
    }

    /// Answers the request at hand from the record in memory.
    mutating func answer() throws {
        now = now + .milliseconds(1)
        let asked = try #require(request)
        switch asked {
        case .begin(let wanted):
            guard case .began(let load) = record.begin(wanted, session: 1, at: now) else {
                Issue.record("blocked")
                return
            }
            tell(.began(load))
        case .fetchDefinition(let hash): tell(.definition(record.blobs[hash]))
        case .fetchOutputs(let keys): tell(.outputs(record.stageOutputs(keys)))
        case .commit(let save):
            saves.append(save)
            do throws(BatchError) {
                tell(.committed(try record.commit(save, session: 1, at: now)))
            } catch {
                tell(.failed(error))
            }
        case .lookUp(let id): tell(.lookedUp(wasCommitted: record.wasCommitted(id)))
        case .keep(let letters):
            record.keep(letters)
            tell(.kept)
        case .probe: tell(.reachable(true))
        case .pause: tell(.paused)
        case .abandon, .reply, .handOn, .release, .report, .end: Issue.record("not a request")
        }
    }

    /// Answers until the core asks for nothing.
    mutating func settle() throws {
        for _ in 1...1000 where request != nil { try answer() }
        #expect(request == nil)
    }

    /// Answers until a batch is about to be committed.
    mutating func untilCommit() throws -> BatchSave {
        for _ in 1...1000 {
            if case .commit(let save)? = request { return save }
            try answer()
        }
        throw CancellationError()
    }

    /// Records a workflow.
    mutating func create(named name: String = "a test") throws -> UniqueID {
        let token = call(.create(creation(named: name)))
        try settle()
        guard case .created(let created)? = replies[token]?.first else { throw CancellationError() }
        return created.id
    }

    /// The one open attempt of a workflow.
    func open(_ id: UniqueID) throws -> InMemoryRecord.TaskRow {
        try #require(record.openAttempts.first { $0.key.workflowID == id })
    }

    /// The result of an open attempt, as it would come off the stream.
    func result(
        of row: InMemoryRecord.TaskRow, entry: String, output: JSONObject = [:]
    ) -> Submission {
        let bytes = TaskResult(
            messageID: row.key.taskID, taskID: row.key.taskID, workflowID: row.key.workflowID,
            attempt: row.key.attempt, dispatchID: DispatchID(rawValue: row.dispatchID), agentID: "scaffold-00000001",
            agentType: "scaffold", stage: row.stage, status: .success, output: output, startedAt: now,
            completedAt: now
        ).encoded()
        return ResultSorting([InboundMessage(entryID: entry, bytes: bytes)]).submissions[0]
    }
}

extension [SubmissionOutcome]? {
    /// The one answer that a caller got.
    var only: SubmissionOutcome? {
        guard let list = self, list.count == 1 else { return nil }
        return list[0]
    }
}
