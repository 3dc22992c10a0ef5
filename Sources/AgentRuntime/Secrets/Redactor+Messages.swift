import AgentProtocol
import JSONTools

extension Redactor {
    /// An outcome without secrets, in all that an action says.
    func redact(_ outcome: ActionOutcome) -> ActionOutcome {
        guard !isEmpty else { return outcome }
        var outcome = outcome
        outcome.output = redact(outcome.output)
        outcome.warnings = outcome.warnings.map { redact($0) }
        outcome.faults = outcome.faults.map { fault in
            TaskFault(
                code: redact(fault.code), message: redact(fault.message), retryable: fault.retryable,
                detail: redact(fault.detail))
        }
        outcome.questions = outcome.questions.map { question in
            Question(
                id: redact(question.id), text: redact(question.text), options: question.options.map { redact($0) })
        }
        outcome.commitMessage = outcome.commitMessage.map { redact($0) }
        return outcome
    }
}

extension AttemptDesk {
    /// A desk whose notes hold no secrets.
    func redacted(by redactor: Redactor) -> AttemptDesk {
        guard !redactor.isEmpty else { return self }
        var desk = self
        desk.report = { [report] progress, note in report(progress, redactor.redact(note)) }
        return desk
    }
}
