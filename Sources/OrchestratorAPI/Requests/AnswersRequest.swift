import JSONTools
import WorkflowCore
import WorkflowStorage

/// The body of `POST /workflows/{id}/answers`.
struct AnswersRequest: Sendable {
    /// The most answers that one request may hold.
    static let maxAnswers = 100

    /// The stage that asked; nil if the ids tell.
    var stage: String?
    /// The round of questions that is answered; nil for whichever is open.
    var round: Int?
    var values: [GivenAnswer]
    /// Why, for the trail.
    var reason: String

    /// Reads it.
    ///
    /// - Throws: 422 naming each fault.
    init(_ body: JSONObject) throws(Problem) {
        var reader = FieldReader(body, allowed: ["answers", "stage", "round", "reason"])
        stage = reader.text("stage")
        round = reader.count("round").map { Int($0) }
        reason = reader.reason()
        values = []
        let list = reader.list("answers", of: #"answers, as in [{"id": "q1", "value": "yes"}]"#)
        if list.count > Self.maxAnswers {
            reader.fault("/answers", "found \(list.count) answers; expected at most \(Self.maxAnswers)")
        }
        for (index, item) in list.prefix(Self.maxAnswers).enumerated() {
            guard let object = item.objectValue else {
                reader.fault("/answers/\(index)", "found \(item.kindName); expected an object with id and value")
                continue
            }
            var answer = FieldReader(object, allowed: ["id", "value"])
            let id = answer.text("id", isRequired: true)
            if object["value"] == nil { answer.fault("/value", "is missing; expected the answer, of any type") }
            for fault in answer.faults { reader.fault("/answers/\(index)\(fault.pointer)", fault.message) }
            if let id, let value = object["value"] { values.append(GivenAnswer(id: id, value: value)) }
        }
        guard reader.faults.isEmpty else { throw .invalid(reader.faults) }
    }

    /// The answers with their stage, held against what is asked.
    ///
    /// - Parameter open: the questions that wait.
    /// - Throws: 422 naming each fault.
    func answers(to open: [QuestionRow], actor: String) throws(Problem) -> AnswerSet {
        let asking = open.reduce(into: [String]()) { if !$0.contains($1.stage) { $0.append($1.stage) } }
        let stage: String
        if let named = self.stage {
            stage = named
        } else if asking.count == 1 {
            stage = asking[0]
        } else {
            // The ids tell whose questions they are, if those of the stages differ.
            let ids = Set(values.map(\.id))
            let fitting = asking.filter { name in ids.isSubset(of: open.filter { $0.stage == name }.map(\.id)) }
            guard fitting.count == 1 else {
                throw .invalid([
                    Problem.Fault(
                        pointer: "/stage",
                        message: "several stages ask; expected the one that is answered: "
                            + asking.joined(separator: ", "))
                ])
            }
            stage = fitting[0]
        }
        let questions = open.filter { $0.stage == stage }
        // Of another round the machine says so; its questions may be others.
        let isOpenRound = round == nil || questions.contains { $0.round == round }
        let faults = isOpenRound && !questions.isEmpty ? self.faults(against: questions) : []
        guard faults.isEmpty else { throw .invalid(faults) }
        return AnswerSet(actor: actor, stage: stage, round: round, values: values, reason: reason)
    }

    private func faults(against questions: [QuestionRow]) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        var seen: Set<String> = []
        let ids = questions.map(\.id)
        for (index, answer) in values.enumerated() {
            guard let question = questions.first(where: { $0.id == answer.id }) else {
                let meant = closestMatch(answer.id, in: ids).map { "; did you mean '\($0)'?" } ?? ""
                faults.append(
                    Problem.Fault(
                        pointer: "/answers/\(index)/id",
                        message: "no question has the id '\(WorkflowRequest.shortened(answer.id))'; asked are "
                            + ids.joined(separator: ", ") + meant))
                continue
            }
            if !seen.insert(answer.id).inserted {
                faults.append(
                    Problem.Fault(pointer: "/answers/\(index)/id", message: "'\(answer.id)' is answered twice"))
            }
            if !question.options.isEmpty, !question.options.contains(where: { answer.value == .string($0) }) {
                let text = answer.value.stringValue.map { "'\(WorkflowRequest.shortened($0))'" }
                let found = text ?? answer.value.kindName
                faults.append(
                    Problem.Fault(
                        pointer: "/answers/\(index)/value",
                        message: "found \(found); expected one of \(question.options.joined(separator: ", "))"))
            }
        }
        for question in questions where !seen.contains(question.id) {
            faults.append(
                Problem.Fault(
                    pointer: "/answers",
                    message: "question '\(question.id)' has no answer: \(WorkflowRequest.shortened(question.text))"))
        }
        return faults
    }
}
