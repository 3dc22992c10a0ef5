import JSONTools
import Testing
@testable import WorkflowCore
@testable import WorkflowStorage

/// Random batches, the same to both sides: whatever they do, the rows stay the same.
@Suite(.serialized) struct TwinWalkTests {
    @Test func `After any walk of batches PostgreSQL and memory hold the same rows`() async throws {
        try await withTwins(["walk_1", "walk_2", "walk_3"]) { twins, name in
            var walk = Walk(definition: twins.definition, seed: UInt64(name.utf8.last ?? 0))
            for step in 1...60 {
                let save = walk.next()
                let answer = try await twins.commit(save, begin: save.states.map(\.id))
                if answer.hasPrefix("resent") { walk.note(save) }
                if step % 20 == 0 { try await twins.expectSameRows("after step \(step) of \(name)") }
            }
            #expect(walk.refused > 3 && walk.workflows.count > 3)
        }
    }
}

/// Draws batches of rows, most of them sound, some of them in each other's way.
private struct Walk {
    var maker: BatchMaker
    var workflows: [UniqueID] = []
    var attempts: [(workflowID: UniqueID, reference: AttemptReference)] = []
    var versions: [UniqueID: Int64] = [:]
    var sequences: [UniqueID: Int64] = [:]
    var outputs: [UniqueID: Int] = [:]
    var committed: UniqueID?
    var steps = 0
    var accepted = 0

    var refused: Int { steps - accepted }

    init(definition: WorkflowDefinition, seed: UInt64) {
        maker = BatchMaker(definition, seed: seed)
    }

    private mutating func chance(_ share: Double) -> Bool { maker.entropy.nextUnit() < share }

    mutating func next() -> BatchSave {
        steps += 1
        var save = maker.batch()
        if workflows.isEmpty || chance(0.2) {
            let id = maker.id()
            maker.create(id, key: chance(0.5) ? "key \(maker.entropy.next() % 4)" : nil, in: &save)
            save.events = [(id, maker.event(1))]
            return save
        }
        for id in workflows where chance(0.5) { change(id, in: &save) }
        for (id, reference) in attempts where chance(0.3) { move(id, reference, in: &save) }
        if chance(0.1), let committed { save.id = committed }
        if chance(0.1) {
            save.deadLetters.append(
                DeadLetter(kind: .message, source: "x", cause: "C\(steps)", detail: "", bytes: [1]))
        }
        return save
    }

    private mutating func change(_ id: UniqueID, in save: inout BatchSave) {
        let version = (versions[id] ?? 1) + 1
        save.states.append(maker.state(id, version: version, bytes: [UInt8(steps)]))
        var sequence = (sequences[id] ?? 1) + 1
        if chance(0.05) { sequence -= 1 }
        save.events.append((id, maker.event(sequence)))
        if chance(0.3) {
            let reference = AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: maker.entropy.next())
            save.tasks.append(maker.task(id, reference))
        }
        if chance(0.3) {
            let generation = (outputs[id] ?? 0) + (chance(0.1) ? 0 : 1)
            save.outputs.append((id, maker.output("one", generation: max(1, generation))))
        }
        if chance(0.4) { save.timers.append((id, chance(0.5) ? maker.now + .seconds(5) : nil)) }
        if chance(0.4) { save.summaries.append(maker.summary(id, version: version + (chance(0.3) ? -2 : 0))) }
    }

    private mutating func move(_ id: UniqueID, _ reference: AttemptReference, in save: inout BatchSave) {
        switch maker.entropy.next() % 5 {
        case 0:
            var again = reference
            again.dispatchID = maker.entropy.next()
            save.sentAgain.append((id, again))
        case 1:
            save.bindings.append(
                BatchSave.Binding(workflowID: id, reference: reference, agentID: "scaffold-1", deadline: maker.now))
        case 2: save.stopping.append((id, reference))
        case 3: save.closings.append(maker.close(reference, .succeeded, keepsResult: true, of: id))
        default: save.closings.append(maker.close(reference, .lost, keepsResult: false, of: id))
        }
    }

    mutating func note(_ save: BatchSave) {
        accepted += 1
        committed = save.id
        workflows += save.created.map(\.facts.id)
        for state in save.states { versions[state.id] = state.version }
        for (id, record) in save.events { sequences[id] = record.sequence }
        for (id, acceptance) in save.outputs { outputs[id] = acceptance.generation }
        attempts += save.tasks.map { ($0.workflowID, $0.reference) }
    }
}
