import WorkflowCore
import WorkflowStorage

// MARK: What the record failed to do

extension AdvancerCore {
    mutating func failed(_ error: BatchError, into effects: inout [Effect]) {
        switch phase {
        case .beginning(let batch), .defining(let batch, _, _):
            giveUp(batch, error, into: &effects)
        case .feeding(let computed):
            giveUp(computed.batch, error, into: &effects)
        case .committing(let computed):
            if case .unknownOutcome(let cause) = error {
                effects.append(.report(.outcomeUnknown(cause)))
                effects.append(.lookUp(computed.computation.save.id))
                phase = .lookingUp(computed, cause: cause)
            } else {
                takeBackReleases(of: computed)
                giveUp(computed.batch, error, into: &effects)
            }
        case .lookingUp(let computed, let cause):
            // However long the record is away: nothing is repeated before the outcome is known. But nobody waits for it.
            isRecordReachable = false
            var computed = computed
            if !computed.areCallersTold {
                computed.areCallersTold = true
                let callers = computed.batch.callers
                let text =
                    "the connection to PostgreSQL was lost while this was being recorded, and whether it was is not "
                    + "known yet; repeat the request with the same Idempotency-Key"
                if !callers.isEmpty { effects.append(.reply(callers.map { ($0, .unavailable(text)) })) }
            }
            answerCallers(with: .unavailable("PostgreSQL can't be reached: \(error)"), into: &effects)
            effects.append(.probe)
            phase = .probingToLookUp(computed, cause: cause)
        case .burying(let culprit, _):
            effects.append(.report(.notKept("\(error)")))
            effects.append(.pause(milliseconds: Self.patienceMilliseconds))
            phase = .resting(culprit)
        case .idle, .probingToLookUp, .resting, .awaitingRecord, .probing, .ended:
            unexpected("failed: \(error)")
        }
    }

    /// A batch did not come through, and nothing of it is written.
    mutating func giveUp(_ batch: Batch, _ error: BatchError, into effects: inout [Effect]) {
        effects.append(.abandon)
        phase = .idle
        switch error {
        case .repeatable(let text):
            var batch = batch
            batch.tries += 1
            effects.append(.report(.repeated(text, tries: batch.tries)))
            guard batch.tries < Self.repeatLimit else {
                return bisect(
                    batch, "the transaction could not be completed in \(Self.repeatLimit) tries: \(text)",
                    into: &effects)
            }
            begin(batch, into: &effects)
        case .refused(let text):
            bisect(batch, text, into: &effects)
        case .away(let text), .unknownOutcome(let text):
            awaitRecord(batch, text, into: &effects)
        }
    }

    /// Finds the culprit of a batch that the database refuses, by halves, so that the others go on.
    private mutating func bisect(_ batch: Batch, _ reason: String, into effects: inout [Effect]) {
        guard batch.submissions.count == 1, let culprit = batch.submissions.first else {
            let middle = batch.submissions.count / 2
            halves.append(Array(batch.submissions[middle...]))
            halves.append(Array(batch.submissions[..<middle]))
            return
        }
        effects.append(.report(.refused(reason)))
        switch culprit.origin {
        case .caller(let token):
            effects.append(.reply([(token, .refused(reason))]))
        case .result(_, _, _, _, let bytes):
            let letter = DeadLetter(
                kind: .message, source: "orchestrator:results", cause: "REFUSED_BY_RECORD", detail: reason,
                bytes: bytes, workflowID: culprit.workflowID)
            effects.append(.keep([letter]))
            phase = .burying(culprit, letter)
        case .watch:
            // Found again if it is still true.
            break
        }
    }

    /// The culprit is kept for people, its agent may forget it, and its attempt ends as a failure: it would be waited for,
    /// or sent again, without end.
    mutating func buried(into effects: inout [Effect]) {
        guard case .burying(let culprit, let letter) = phase,
            case .result(let entryID, let agentType, let agentID, let reference, _) = culprit.origin
        else { unexpected("kept") }
        phase = .idle
        var done = BatchEffects()
        done.deadLetters.append(letter)
        done.acknowledgements.append(entryID)
        done.settled.append(BatchEffects.Settled(agentType: agentType, agentID: agentID, reference: reference))
        effects.append(.handOn(done))
        if case .event(.taskFinished(let outcome), let workflowID) = culprit.body {
            queue.append(
                Submission(
                    .event(.taskFinished(outcome.refused(because: letter.detail)), workflowID: workflowID),
                    origin: .watch))
        }
    }

    /// The record is away: callers are told, everything else waits for its return.
    private mutating func awaitRecord(_ batch: Batch, _ error: String, into effects: inout [Effect]) {
        isRecordReachable = false
        for submissions in [batch.submissions] + halves.reversed() {
            for submission in submissions { queue.append(submission) }
        }
        halves = []
        answerCallers(with: .unavailable("PostgreSQL can't be reached: \(error)"), into: &effects)
        effects.append(.report(.recordAway(error)))
        effects.append(.pause(milliseconds: Self.patienceMilliseconds))
        phase = .awaitingRecord
    }

    mutating func paused(into effects: inout [Effect]) {
        switch phase {
        case .awaitingRecord:
            probe(into: &effects)
        case .resting(let culprit):
            queue.append(culprit)
            phase = .idle
        case .idle, .beginning, .defining, .feeding, .committing, .lookingUp, .probingToLookUp, .burying, .probing,
            .ended:
            unexpected("paused")
        }
    }

    /// Asks whether the record is back, unless the orchestrator stops.
    private mutating func probe(into effects: inout [Effect]) {
        phase = isStopping ? .idle : .probing
        if !isStopping { effects.append(.probe) }
    }

    mutating func heard(_ isReachable: Bool, into effects: inout [Effect]) {
        switch phase {
        case .probing:
            guard isReachable else { return probe(into: &effects) }
            isRecordReachable = true
            effects.append(.report(.recordBack))
            phase = .idle
        case .probingToLookUp(let computed, let cause):
            if isReachable {
                isRecordReachable = true
                effects.append(.lookUp(computed.computation.save.id))
                phase = .lookingUp(computed, cause: cause)
            } else if isStopping {
                // Results come again to whoever is up then; the callers can't be told more.
                takeBackReleases(of: computed)
                for submission in computed.batch.withoutCallers.submissions { queue.append(submission) }
                phase = .idle
            } else {
                effects.append(.probe)
            }
        case .idle, .beginning, .defining, .feeding, .committing, .lookingUp, .burying, .resting, .awaitingRecord,
            .ended:
            unexpected("reachable")
        }
    }
}

extension AttemptOutcome {
    /// The failure that stands for a result which can't be recorded.
    func refused(because reason: String) -> AttemptOutcome {
        AttemptOutcome(
            reference: reference, stage: stage, agentID: agentID, status: .failure,
            faults: [
                WorkflowFault(
                    code: "RESULT_REFUSED", message: "the result could not be recorded: \(reason)", isRetryable: true)
            ])
    }
}
