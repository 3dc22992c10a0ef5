import JSONTools

/// Questions to people: asked, answered, expired.
extension WorkflowMachine {
    /// An attempt ended with questions: the stage waits for people. The attempt doesn't count as a failure.
    mutating func ask(_ outcome: AttemptOutcome, stage index: Int, in turn: inout Turn) throws(Rejection) {
        if let fault = fault(of: outcome.questions, stage: index) {
            return try attemptFailed(
                stage: index, as: .needsInput, fault, agentID: outcome.agentID, keepsResult: true, in: &turn)
        }
        guard let taskID = state.stages[index].taskID else {
            preconditionFailure("an open attempt without a task")
        }
        let stage = definition.stages[index]
        close(stage: index, as: .needsInput, fault: nil, agentID: outcome.agentID, keepsResult: true)
        state.stages[index].questionRounds += 1
        let round = QuestionRound(
            stage: stage.name, generation: state.stages[index].generation, round: state.stages[index].questionRounds,
            taskID: taskID, attempt: state.stages[index].attempt, questions: outcome.questions,
            expiresAt: turn.now + OpenQuestions.patience)
        enter(.awaitingAnswers, stage: index, at: turn.now)
        state.stages[index].questions = OpenQuestions(
            round: round.round, ids: outcome.questions.map(\.id), askedAt: turn.now, expiresAt: round.expiresAt)
        directives.append(.ask(round))
        record(
            .questionsAsked, severity: .warning, actor: outcome.agentID,
            [
                "stage": .string(stage.name), "round": .integer(Int64(round.round)),
                "attempt": .integer(Int64(round.attempt)), "expires_at": .string("\(round.expiresAt)"),
                "questions": .array(
                    outcome.questions.map { question in
                        ["id": .string(question.id), "text": .string(question.text.beginning(ofBytes: 500))]
                    }),
            ])
    }

    private func fault(of questions: [AskedQuestion], stage index: Int) -> WorkflowFault? {
        let ids = Set(questions.map(\.id))
        func size(_ ids: some Sequence<String>) -> Int { ids.reduce(0) { $0 + JSONValue.string($1).encoded().count } }
        if size(ids) > OpenQuestions.maximumIDBytes {
            return .tooManyQuestions(
                "the ids of the agent's questions have \(size(ids)) bytes; at most \(OpenQuestions.maximumIDBytes) are "
                    + "allowed")
        }
        if size(state.stages.flatMap { $0.questions?.ids ?? [] }) + size(ids) > OpenQuestions.maximumOpenIDBytes {
            return .tooManyQuestions("too many questions of other stages of this workflow are open")
        }
        if questions.isEmpty || ids.count != questions.count || ids.contains("") { return .noQuestions }
        if questions.count > OpenQuestions.maximumCount {
            return .tooManyQuestions(
                "the agent asked \(questions.count) questions at once; at most \(OpenQuestions.maximumCount) are allowed"
            )
        }
        if state.stages[index].questionRounds >= OpenQuestions.maximumRounds {
            return .tooManyQuestions(
                "the agent asked for the \(state.stages[index].questionRounds + 1)th time; a stage may ask "
                    + "\(OpenQuestions.maximumRounds) times")
        }
        return nil
    }

    /// People answered: the next attempt gets the answers.
    mutating func take(_ answers: AnswerSet, in turn: inout Turn) throws(Rejection) {
        let index = try stageAwaiting(answers)
        guard let questions = state.stages[index].questions else {
            preconditionFailure("stage \(definition.stages[index].name) awaits answers to no questions")
        }
        if let round = answers.round, round != questions.round {
            throw .roundMismatch(expected: questions.round, found: round)
        }
        let faults = faults(of: answers, for: questions)
        if !faults.isEmpty { throw .invalidAnswers(faults) }
        let stage = definition.stages[index]
        // An answer to a question that is asked again under the same id replaces the earlier one.
        let ids = Set(questions.ids)
        state.stages[index].answers = state.stages[index].answers.filter { !ids.contains($0.id) } + answers.values
        closeRound(stage: index, values: answers.values, actor: answers.actor)
        enter(.running, stage: index, at: turn.now)
        var detail: JSONObject = [
            "stage": .string(stage.name), "round": .integer(Int64(questions.round)),
            "answers": .array(answers.values.map { ["id": .string($0.id), "value": $0.value] }),
        ]
        if !answers.reason.isEmpty { detail["reason"] = .string(answers.reason) }
        record(.questionsAnswered, actor: answers.actor, detail)
        try goOn(stage: index, in: &turn)
    }

    private func stageAwaiting(_ answers: AnswerSet) throws(Rejection) -> Int {
        let awaiting = state.stages.indices.filter { state.stages[$0].phase == .awaitingAnswers }
        if let name = answers.stage {
            guard let index = definition.index(of: name) else { throw .unknownStage(name) }
            guard awaiting.contains(index) else { throw .noOpenQuestions(stage: name) }
            return index
        }
        guard let first = awaiting.first else { throw .noOpenQuestions(stage: nil) }
        if awaiting.count > 1 { throw .severalStagesAsk(awaiting.map { definition.stages[$0].name }) }
        return first
    }

    private func faults(of answers: AnswerSet, for questions: OpenQuestions) -> [String] {
        var faults: [String] = []
        var seen: Set<String> = []
        for answer in answers.values {
            if !questions.ids.contains(answer.id) {
                faults.append("no question has the id \(answer.id); asked are \(questions.ids.joined(separator: ", "))")
            } else if !seen.insert(answer.id).inserted {
                faults.append("question \(answer.id) is answered twice")
            }
        }
        for id in questions.ids where !seen.contains(id) { faults.append("question \(id) has no answer") }
        let kept = state.stages.flatMap(\.answers) + answers.values
        let size = kept.reduce(0) { $0 + $1.id.utf8.count + $1.value.encoded().count }
        if size > OpenQuestions.maximumAnswerBytes {
            faults.append(
                "the answers of this workflow would have \(size) bytes; at most \(OpenQuestions.maximumAnswerBytes) are "
                    + "kept: give large things as input_data or files")
        }
        return faults
    }

    /// Closes the questions of a stage: answered, or, without values, left unanswered for good.
    mutating func closeRound(stage index: Int, values: [GivenAnswer], actor: String) {
        guard let questions = state.stages[index].questions else { return }
        directives.append(
            .closeRound(
                ClosedQuestionRound(
                    stage: definition.stages[index].name, generation: state.stages[index].generation,
                    round: questions.round, values: values, actor: actor)))
    }

    /// Nobody answered in time: the stage fails.
    mutating func expire(_ questions: OpenQuestions, stage index: Int, in turn: inout Turn) throws(Rejection) {
        let fault = WorkflowFault.questionsExpired(at: "\(questions.expiresAt)")
        find(
            .expiryPassed, stage: index, reason: fault.message,
            action: "the stage failed; answer in time, or retry from it")
        closeRound(stage: index, values: [], actor: "orchestrator")
        fail(stage: index, fault, at: turn.now)
        try advance(in: &turn)
    }
}
