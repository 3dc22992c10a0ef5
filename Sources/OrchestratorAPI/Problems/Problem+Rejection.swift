import JSONTools
import WorkflowCore

extension WorkflowEvent.Name {
    /// In which states a caller may ask for this, for refusals.
    var rule: String {
        switch self {
        case .pause: "only a running one can be paused"
        case .resume: "only a paused one can be resumed"
        case .cancel: "one that has ended can't be cancelled"
        case .retry: "only one that has ended can be retried; cancel it first, or wait for its end"
        case .answers: "only one that is running or paused takes answers"
        case .start, .taskStarted, .taskFinished, .leaseExpired, .abandoned, .sendLost, .agentMissing, .inspected,
            .wake:
            "this can't be asked for"
        }
    }
}

extension Problem {
    /// What a refusal of the machine means for the caller.
    ///
    /// - Parameters:
    ///   - status: the workflow's present status.
    ///   - stages: names of its stages.
    ///   - version: its present version.
    init(
        _ rejection: Rejection, event: WorkflowEvent.Name, id: UniqueID, status: String, stages: [String],
        version: Int64
    ) {
        switch rejection {
        case .outputsNeeded:
            self = .internalFault
        case .conflict:
            self = .conflict(event.rule, id: id, status: status)
        case .versionMismatch(let expected, let found):
            self = .conflict(
                "it has changed since version \(expected) and is at version \(found): look at it again before deciding",
                id: id, status: status)
            members["expected_version"] = .integer(expected)
        case .unknownStage(let name):
            let pointer = event == .retry ? "/from_stage" : "/stage"
            let meant = closestMatch(name, in: stages).map { "; did you mean '\($0)'?" } ?? ""
            self = .invalid([
                Fault(
                    pointer: pointer,
                    message: "found '\(WorkflowRequest.shortened(name))'; expected one of "
                        + stages.joined(separator: ", ") + meant)
            ])
        case .nothingToRetry:
            self = .invalid([
                Fault(
                    pointer: "/from_stage",
                    message: "every stage ended well; expected the stage to run again from: "
                        + stages.joined(separator: ", "))
            ])
        case .noOpenQuestions(let stage):
            self = .conflict(
                stage.map { "its stage \($0) asks nothing at present" } ?? "it asks nothing at present", id: id,
                status: status)
        case .roundMismatch(let open, let answered):
            self = .conflict(
                "round \(open) of its questions is open, not round \(answered): look at the questions again", id: id,
                status: status)
            members["round"] = JSONValue(open)
        case .severalStagesAsk(let names):
            self = .invalid([
                Fault(
                    pointer: "/stage",
                    message: "several stages ask; expected the one that is answered: \(names.joined(separator: ", "))")
            ])
        case .invalidAnswers(let faults):
            self = .invalid(faults.map { Fault(pointer: "/answers", message: $0) })
        }
        members["version"] = .integer(version)
    }
}
