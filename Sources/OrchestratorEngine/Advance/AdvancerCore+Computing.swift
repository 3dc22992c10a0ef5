import JSONTools
import WorkflowCore
import WorkflowStorage

// MARK: From the open transaction to the commit

extension AdvancerCore {
    mutating func began(_ load: BatchLoad, into effects: inout [Effect]) {
        guard case .beginning(let batch) = phase else { unexpected("began") }
        if load.isFirst { cache.forgetStates() }
        cache.remember(load.facts)
        compute(batch, load, into: &effects)
    }

    mutating func learned(_ blob: [UInt8]?, into effects: inout [Effect]) {
        guard case .defining(let batch, let load, let hash) = phase else { unexpected("definition") }
        do throws(BatchError) {
            try cache.learn(hash: hash, blob: blob)
        } catch {
            return giveUp(batch, error, into: &effects)
        }
        compute(batch, load, into: &effects)
    }

    /// Why a batch can't be computed now.
    private enum Obstacle: Error {
        case unknownDefinition(hash: String)
        case refused(String)
    }

    /// Applies the events of all workflows that are locked, and records the new ones.
    private mutating func compute(_ batch: Batch, _ load: BatchLoad, into effects: inout [Effect]) {
        phase = .idle
        do throws(Obstacle) {
            // All definitions first: until they are here nothing is applied, so that it is applied once.
            let machines = try machines(of: load.locked)
            let creations = try sort(batch.creations, known: load.known)
            let id = UniqueID.v7(at: load.now, using: &entropy)
            var computed = ComputedBatch(
                batch: batch,
                computation: BatchComputation(id: id, now: load.now, entropy: entropy, envelopes: envelopes))
            for (origin, outcome) in creations.answered { computed.computation.answer(origin, with: outcome) }
            for (creation, definition, origin) in creations.new {
                computed.computation.create(creation, definition: definition, origin: origin)
            }
            computed.deferred = creations.deferred
            applyAll(to: machines, in: &computed)
            entropy = computed.computation.entropy
            proceed(computed, into: &effects)
        } catch {
            switch error {
            case .unknownDefinition(let hash):
                phase = .defining(batch, load, hash: hash)
                effects.append(.fetchDefinition(hash: hash))
            case .refused(let text):
                giveUp(batch, .refused(text), into: &effects)
            }
        }
    }

    private func machines(
        of rows: [LockedWorkflow]
    ) throws(Obstacle) -> [UniqueID: BatchComputation.Loaded] {
        var machines: [UniqueID: BatchComputation.Loaded] = [:]
        machines.reserveCapacity(rows.count)
        for row in rows {
            guard let definition = cache.definition(hash: row.definitionHash) else {
                throw .unknownDefinition(hash: row.definitionHash)
            }
            guard let facts = cache.facts(of: row.id) else {
                throw .refused("workflow \(row.id) has a state but no row in workflows")
            }
            let state = try state(in: row)
            machines[row.id] = BatchComputation.Loaded(
                machine: WorkflowMachine(definition: definition, facts: facts, state: state),
                definitionHash: row.definitionHash, version: row.version)
        }
        return machines
    }

    private func state(in row: LockedWorkflow) throws(Obstacle) -> WorkflowState {
        let known = cache.state(of: row.id, version: row.version)
        assert(known == nil || known == (try? WorkflowState(decoding: row.state)), "a version has one state")
        if let known { return known }
        do {
            return try WorkflowState(decoding: row.state)
        } catch {
            throw .refused("workflow \(row.id): \(error)")
        }
    }

    private struct SortedCreations {
        var new: [(Creation, WorkflowDefinition, Submission.Origin)] = []
        var answered: [(Submission.Origin, SubmissionOutcome)] = []
        var deferred: [Submission] = []
    }

    /// Tells the creations whose key was used before from the new ones.
    private func sort(
        _ creations: [(creation: Creation, origin: Submission.Origin)], known: [KnownKey]
    ) throws(Obstacle) -> SortedCreations {
        var sorted = SortedCreations()
        var used: [IdempotencyKey: KnownKey] = [:]
        for key in known { used[key.key] = key }
        var begun: Set<IdempotencyKey> = []
        for (creation, origin) in creations {
            if let key = creation.keyOfTenant {
                if let earlier = used[key] {
                    let isSame = earlier.bodyHash == creation.bodyHash
                    sorted.answered.append(
                        (origin, isSame ? .repeated(earlier.workflowID) : .keyReused(earlier.workflowID)))
                    continue
                }
                guard begun.insert(key).inserted else {
                    // The same key twice in one batch: the second finds the first in the next batch.
                    sorted.deferred.append(Submission(.create(creation), origin: origin))
                    continue
                }
            }
            guard let definition = cache.definition(hash: creation.definitionHash) else {
                throw .unknownDefinition(hash: creation.definitionHash)
            }
            sorted.new.append((creation, definition, origin))
        }
        return sorted
    }

    private func applyAll(to machines: [UniqueID: BatchComputation.Loaded], in computed: inout ComputedBatch) {
        for id in computed.batch.order {
            let submissions = computed.batch.byWorkflow[id] ?? []
            guard let loaded = machines[id] else {
                for var submission in submissions {
                    if computed.batch.waits {
                        computed.computation.answerUnknown(submission)
                    } else {
                        submission.misses += 1
                        computed.missed.append(submission)
                    }
                }
                continue
            }
            let needs = computed.computation.apply(submissions, to: loaded, outputs: [:])
            if !needs.isEmpty {
                computed.hungry.append(
                    ComputedBatch.Hungry(loaded: loaded, submissions: submissions, needs: needs))
            }
        }
    }

    /// Takes the outputs that were fetched, and applies the events that read them.
    mutating func fed(_ outputs: [OutputKey: StageOutput], into effects: inout [Effect]) {
        guard case .feeding(var computed) = phase else { unexpected("outputs") }
        phase = .idle
        computed.fetched.merge(outputs) { _, new in new }
        let hungry = computed.hungry
        computed.hungry = []
        for var workflow in hungry {
            var outputs: [String: StageOutput] = [:]
            for stage in workflow.needs {
                let machine = workflow.loaded.machine
                guard let output = computed.fetched[Self.outputKey(of: stage, in: machine)] else {
                    return giveUp(
                        computed.batch,
                        .refused("the output of completed stage \(stage) of \(machine.facts.id) is missing"),
                        into: &effects)
                }
                outputs[stage] = output
            }
            let more = computed.computation.apply(workflow.submissions, to: workflow.loaded, outputs: outputs)
            guard more.isEmpty else {
                precondition(!more.isSubset(of: workflow.needs), "a machine asks for an output that it was given")
                workflow.needs.formUnion(more)
                computed.hungry.append(workflow)
                continue
            }
        }
        entropy = computed.computation.entropy
        proceed(computed, into: &effects)
    }

    private static func outputKey(of stage: String, in machine: WorkflowMachine) -> OutputKey {
        let generation = machine.definition.index(of: stage).map { machine.state.stages[$0].generation } ?? 1
        return OutputKey(workflowID: machine.facts.id, stage: stage, generation: generation)
    }

    /// Fetches what is still wanted, else commits; a batch that changes nothing is over.
    private mutating func proceed(_ computed: ComputedBatch, into effects: inout [Effect]) {
        if !computed.hungry.isEmpty {
            let keys = computed.hungry.flatMap { workflow in
                workflow.needs.map { Self.outputKey(of: $0, in: workflow.loaded.machine) }
            }
            phase = .feeding(computed)
            effects.append(.fetchOutputs(keys.filter { computed.fetched[$0] == nil }))
        } else if computed.computation.save.isEmpty {
            effects.append(.abandon)
            conclude(computed, CommitAnswer(), into: &effects)
        } else {
            var computed = computed
            computed.releases = computed.computation.send(within: &window, mayRelease: !isStopping)
            phase = .committing(computed)
            effects.append(.commit(computed.computation.save))
        }
    }

    mutating func committed(_ answer: CommitAnswer, into effects: inout [Effect]) {
        guard case .committing(let computed) = phase else { unexpected("committed") }
        conclude(computed, answer, into: &effects)
    }

    /// The batch is in the record: callers are answered, what it left to do goes out.
    private mutating func conclude(
        _ computed: ComputedBatch, _ answer: CommitAnswer, into effects: inout [Effect]
    ) {
        phase = .idle
        for submission in computed.missed {
            if computed.areCallersTold, case .caller = submission.origin { continue }
            queue.append(submission)
        }
        for submission in computed.areCallersTold ? [] : computed.deferred { queue.append(submission) }
        cache.remember(computed.computation.written)
        var committed = computed.computation.effects
        committed.take(answer)
        committed.begunAt = computed.batch.begunAt
        if !committed.replies.isEmpty {
            if !computed.areCallersTold { effects.append(.reply(committed.replies)) }
            committed.replies = []
        }
        _ = findings.count(committed.events)
        effects.append(.handOn(committed))
        if !computed.computation.use.isEmpty {
            window?.count(computed.computation.use)
            news.note(computed.computation.use)
            for (index, release) in computed.releases.enumerated() {
                // Where the answer was lost, all of them may have been let go.
                let isKnown = index < answer.released.count
                noteRelease(
                    of: release.agentType, got: isKnown ? answer.released[index].count : release.count)
            }
            release(all: false, into: &effects)
        }
    }

    mutating func lookedUp(_ wasCommitted: Bool, into effects: inout [Effect]) {
        guard case .lookingUp(let computed, let cause) = phase else { unexpected("looked up") }
        if wasCommitted {
            // What the rows said is lost; the relay and the walk of the streams make it good.
            conclude(computed, CommitAnswer(), into: &effects)
        } else {
            takeBackReleases(of: computed)
            // Who was told that the outcome is unknown repeats the request; doing it again here would do it twice.
            let batch = computed.areCallersTold ? computed.batch.withoutCallers : computed.batch
            guard !batch.submissions.isEmpty else {
                effects.append(.abandon)
                phase = .idle
                return
            }
            giveUp(batch, .repeatable(cause), into: &effects)
        }
    }

    /// Nothing of a batch is written: what it was to let go still waits.
    mutating func takeBackReleases(of computed: ComputedBatch) {
        for release in computed.releases { window?.released(release.agentType, got: nil) }
    }
}
