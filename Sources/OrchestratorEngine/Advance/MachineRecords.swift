import JSONTools
import WorkflowCore
import WorkflowStorage

// What the machine says in the words of the record.

extension NewQuestion {
    /// The questions of a round.
    static func all(of round: QuestionRound, workflowID: UniqueID) -> [NewQuestion] {
        round.questions.map { question in
            NewQuestion(
                workflowID: workflowID, stage: round.stage, generation: round.generation, round: round.round,
                taskID: round.taskID, attempt: round.attempt, id: question.id, text: question.text,
                options: question.options, expiresAt: round.expiresAt)
        }
    }
}

extension AnsweredRound {
    init(_ round: ClosedQuestionRound, workflowID: UniqueID) {
        self.init(
            workflowID: workflowID, stage: round.stage, generation: round.generation, round: round.round,
            values: round.values.map { (id: $0.id, value: $0.value) }, actor: round.actor)
    }
}

extension NewParkedTask {
    init(_ task: ParkedTask, workflowID: UniqueID) {
        self.init(
            workflowID: workflowID, stage: task.stage, generation: task.generation, taskID: task.taskID,
            attempt: task.attempt, faultCode: task.fault.code, faultMessage: task.fault.message,
            causeClass: task.cause.rawValue)
    }
}

extension StageOutput {
    /// An output that was accepted earlier in the same batch.
    init(_ acceptance: StageAcceptance) {
        self.init(output: acceptance.output, commit: acceptance.commit, artifacts: acceptance.artifacts)
    }
}
