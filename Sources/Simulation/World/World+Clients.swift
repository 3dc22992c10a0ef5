import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowStorage

/// What clients want, and what they were told.
struct ClientDesk {
    /// What clients know of a workflow.
    struct Known {
        var id: UniqueID?
        /// How often a request may have been carried out though nobody was told: it had no key, and no answer came.
        var unanswered = 0
        /// Whether somebody was told that it is cancelled.
        var isCancelled = false
        /// How often somebody was told that it exists.
        var accepted = 0
        /// Requests that are on their way.
        var open = 0
    }

    var known: [Int: Known] = [:]
    /// Whether nothing is on its way.
    var isQuiet: Bool { known.values.allSatisfy { $0.open == 0 } }
}

extension World {
    /// How long a client waits for an answer, in microseconds.
    private static let clientPatience: Int64 = 20_000_000

    func startClients() {
        for workflow in scenario.workflows {
            schedule(after: workflow.at * 1000) { $0.create(workflow) }
            if workflow.isSentTwice {
                schedule(after: (workflow.at + number(0...3000)) * 1000) { $0.create(workflow) }
            }
        }
        for act in scenario.acts {
            schedule(after: act.at * 1000) { $0.carryOut(act, tries: 60) }
        }
    }

    /// An orchestrator that takes requests now.
    private func door() -> Int? {
        let up = orchestrators.filter { index, process in
            !process.isDraining && hosts[.orchestrator(index)]?.isCutOff == false
        }.keys.sorted()
        return up.isEmpty ? nil : up[Int(number(0...Int64(up.count - 1)))]
    }

    private func create(_ workflow: Scenario.Workflow) {
        clients.known[workflow.number, default: .init()].open += 1
        tryToCreate(workflow)
    }

    private func tryToCreate(_ workflow: Scenario.Workflow) {
        guard let index = door(), let life = orchestrators[index]?.name.life else {
            return schedule(after: 1_000_000) { $0.tryToCreate(workflow) }
        }
        let definition = SimulatedDefinitions.all[workflow.definition]
        let creation = Creation(
            type: definition.name, definitionHash: SimulatedDefinitions.hashes[workflow.definition],
            definitionVersion: 1, name: workflow.name, priority: WorkflowPriority.allCases[workflow.priority],
            tenant: workflow.tenant, createdBy: "ann",
            idempotencyKey: workflow.key,
            bodyHash: workflow.hasKey ? "00" : nil)
        var isAnswered = false
        schedule(after: hop()) { world in
            guard world.orchestrators[index]?.name.life == life else {
                // Nobody listens there any more.
                isAnswered = true
                return world.schedule(after: 1_000_000) { $0.tryToCreate(workflow) }
            }
            world.submit(.create(creation), to: index) { world, outcome in
                guard !isAnswered else { return }
                isAnswered = true
                world.created(workflow, outcome)
            }
        }
        schedule(after: Self.clientPatience) { world in
            guard !isAnswered else { return }
            isAnswered = true
            world.trace("client", "heard nothing of \(workflow.name)")
            if workflow.hasKey { return world.tryToCreate(workflow) }
            world.clients.known[workflow.number]?.unanswered += 1
            world.clients.known[workflow.number]?.open -= 1
        }
    }

    private func created(_ workflow: Scenario.Workflow, _ outcome: SubmissionOutcome) {
        switch outcome {
        case .created, .repeated:
            guard let id = outcome.workflowID else { preconditionFailure("both have an id") }
            trace("client", "was told that \(workflow.name) is \(outcome.isNew ? "new" : "known")")
            clients.known[workflow.number]?.accepted += 1
            clients.known[workflow.number]?.open -= 1
            if let known = clients.known[workflow.number]?.id, known != id {
                complain("created-once", "\(workflow.name) was accepted as \(known) and as \(id)")
            }
            clients.known[workflow.number]?.id = id
        case .unavailable, .overloaded:
            schedule(after: 2_000_000) { $0.tryToCreate(workflow) }
        case .done, .keyReused, .conflict, .rejected, .unknownWorkflow, .refused:
            complain("creation", "the creation of \(workflow.name) was answered \(outcome)")
        }
    }

    private func carryOut(_ act: Scenario.Act, tries: Int) {
        guard isTroubled, tries > 0 else { return }
        guard let id = clients.known[act.workflow]?.id, let index = door() else {
            return schedule(after: 1_000_000) { $0.carryOut(act, tries: tries - 1) }
        }
        guard let event = event(for: act.kind, of: id) else {
            return schedule(after: 5_000_000) { $0.carryOut(act, tries: tries - 5) }
        }
        trace("client", "wants w\(act.workflow): \(act.kind.rawValue)")
        submit(.event(event, workflowID: id), to: index) { world, outcome in
            switch outcome {
            case .done: world.note(act.kind, of: act.workflow)
            case .unavailable, .overloaded:
                world.schedule(after: 2_000_000) { $0.carryOut(act, tries: tries - 2) }
            case .created, .unknownWorkflow, .refused, .keyReused, .repeated:
                world.complain("act", "\(act.kind.rawValue) of w\(act.workflow) was answered \(outcome)")
            case .conflict, .rejected: break
            }
        }
    }

    private func note(_ kind: Scenario.Act.Kind, of workflow: Int) {
        switch kind {
        case .cancel: clients.known[workflow]?.isCancelled = true
        case .retry: clients.known[workflow]?.isCancelled = false
        case .pause, .resume, .answer: break
        }
    }

    /// - Returns: nil if it would make no sense now.
    private func event(for kind: Scenario.Act.Kind, of id: UniqueID) -> WorkflowEvent? {
        switch kind {
        case .pause: return .pause(actor: "ann", reason: "")
        case .resume: return .resume(actor: "ann")
        case .cancel: return .cancel(actor: "ann", reason: "")
        case .retry:
            guard let state = state(of: id), state.phase.isTerminal else { return nil }
            let stages = SimulatedDefinitions.stages(of: record.workflows[id]?.facts.type)
            let from = chance(0.5) ? stages[Int(number(0...Int64(stages.count - 1)))] : nil
            return .retry(RetryRequest(actor: "ann", fromStage: from))
        case .answer:
            guard let state = state(of: id) else { return nil }
            return answers(to: state, of: id)
        }
    }

    private func answers(to state: WorkflowState, of id: UniqueID) -> WorkflowEvent? {
        let names = SimulatedDefinitions.stages(of: record.workflows[id]?.facts.type)
        for (name, stage) in zip(names, state.stages) {
            guard let questions = stage.questions else { continue }
            return .answers(
                AnswerSet(
                    actor: "ann", stage: name, values: questions.ids.map { GivenAnswer(id: $0, value: "yes") }))
        }
        return nil
    }

    /// A workflow's state, as the record has it.
    func state(of id: UniqueID) -> WorkflowState? {
        guard let bytes = record.states[id]?.bytes else { return nil }
        do {
            return try WorkflowState(decoding: bytes)
        } catch {
            complain("state", "the state of \(judge.name(of: id)) can't be decoded: \(error)")
            return nil
        }
    }

    /// After the trouble people look after what waits for them.
    func helpWorkflows() {
        for id in record.states.keys.sorted() where record.states[id]?.isTerminal == false {
            guard let state = state(of: id), let index = door() else { continue }
            if state.phase == .paused {
                submit(.event(.resume(actor: "ann"), workflowID: id), to: index) { _, _ in }
            } else if let event = answers(to: state, of: id) {
                submit(.event(event, workflowID: id), to: index) { _, _ in }
            }
        }
        schedule(after: 5_000_000) { $0.helpWorkflows() }
    }
}

extension SubmissionOutcome {
    fileprivate var isNew: Bool {
        if case .created = self { true } else { false }
    }
}
