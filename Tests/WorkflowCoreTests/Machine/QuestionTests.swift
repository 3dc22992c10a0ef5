import JSONTools
import Testing
import WorkflowCore

@Suite("Questions to people")
struct QuestionTests {
    private let color = AskedQuestion(id: "color", text: "Which color?", options: ["red", "green"])
    private let size = AskedQuestion(id: "size", text: "Which size?")

    private func asked(_ questions: [AskedQuestion]? = nil) throws -> MachineHarness {
        var harness = MachineHarness([try .test("one", attempts: 1), try .test("two", needs: ["one"])])
        try harness.apply(.start(actor: "ann"))
        try harness.apply(harness.result("one", .needsInput, questions: questions ?? [color, size]))
        return harness
    }

    private func answers(_ pairs: KeyValuePairs<String, JSONValue>, stage: String? = nil) -> WorkflowEvent {
        .answers(AnswerSet(actor: "eve", stage: stage, values: pairs.map { GivenAnswer(id: $0.key, value: $0.value) }))
    }

    @Test("the stage waits for people, with an expiry; the answers open the next attempt, which costs nothing")
    func answered() throws {
        var harness = try asked()
        #expect(harness.stage("one").phase == .awaitingAnswers)
        #expect(harness.machine.state.phase == .running)
        #expect(harness.machine.nextWake == harness.now + OpenQuestions.patience)
        #expect(harness.machine.currentStage == "one")
        try harness.apply(answers(["size": 3, "color": "red"]))
        #expect(harness.stage("one").phase == .running)
        #expect(harness.stage("one").attempt == 2)
        #expect(harness.stage("one").failures == 0)
        #expect(
            harness.orders.last?.answers == [GivenAnswer(id: "size", value: 3), GivenAnswer(id: "color", value: "red")])
        #expect(throws: Rejection.noOpenQuestions(stage: nil)) { try harness.apply(answers(["size": 3])) }
        try harness.apply(harness.result("one"))
        try harness.apply(harness.result("two"))
        #expect(harness.machine.state.phase == .completed)
    }

    @Test("answers that don't fit are refused, each fault named, and nothing changes")
    func refused() throws {
        var harness = try asked()
        let before = harness.machine.state
        #expect(
            throws: Rejection.invalidAnswers([
                "no question has the id shape; asked are color, size", "question color is answered twice",
                "question size has no answer",
            ])
        ) {
            try harness.apply(answers(["shape": 1, "color": "red", "color": "green"]))
        }
        #expect(throws: Rejection.unknownStage("none")) { try harness.apply(answers(["size": 1], stage: "none")) }
        #expect(throws: Rejection.noOpenQuestions(stage: "two")) {
            try harness.apply(answers(["size": 1], stage: "two"))
        }
        let long = JSONValue.string(String(repeating: "x", count: OpenQuestions.maximumAnswerBytes))
        #expect(throws: Rejection.self) { try harness.apply(answers(["size": long, "color": "red"])) }
        #expect(harness.machine.state == before)
    }

    @Test("a later attempt gets the answers of all rounds; the fourth round fails the stage")
    func rounds() throws {
        var harness = try asked([color])
        try harness.apply(answers(["color": "red"]))
        try harness.apply(harness.result("one", .needsInput, questions: [size]))
        try harness.apply(answers(["size": 1]))
        #expect(harness.orders.last?.answers.map(\.id) == ["color", "size"])
        try harness.apply(harness.result("one", .needsInput, questions: [size]))
        try harness.apply(answers(["size": 2]))
        #expect(harness.orders.last?.answers.last == GivenAnswer(id: "size", value: 2))
        try harness.apply(harness.result("one", .needsInput, questions: [size]))
        #expect(harness.machine.state.outcome?.fault.code == "TOO_MANY_QUESTIONS")
    }

    @Test("answers to an earlier round don't pass for answers to the open one, though its ids are the same")
    func round() throws {
        var harness = try asked([size])
        try harness.apply(answers(["size": 1]))
        try harness.apply(harness.result("one", .needsInput, questions: [size]))
        let late = AnswerSet(actor: "eve", round: 1, values: [GivenAnswer(id: "size", value: 1)])
        #expect(throws: Rejection.roundMismatch(expected: 2, found: 1)) { try harness.apply(.answers(late)) }
        try harness.apply(
            .answers(AnswerSet(actor: "eve", round: 2, values: [GivenAnswer(id: "size", value: 2)])))
        #expect(harness.stage("one").phase == .running)
    }

    @Test("what a completed stage was told doesn't count against the answers of a later one")
    func roomForLaterStages() throws {
        var harness = try asked([size])
        let long = JSONValue.string(String(repeating: "x", count: OpenQuestions.maximumAnswerBytes - 200))
        try harness.apply(answers(["size": long]))
        try harness.apply(harness.result("one"))
        try harness.apply(harness.result("two", .needsInput, questions: [size]))
        try harness.apply(answers(["size": long]))
        #expect(harness.orders.last?.answers.count == 1)
    }

    @Test("questions whose ids are too long together can't be kept: the stage fails with the reason")
    func longIDs() throws {
        let questions = (0..<20).map { AskedQuestion(id: String(repeating: "q", count: 60) + "\($0)", text: "?") }
        let harness = try asked(questions)
        #expect(harness.machine.state.outcome?.fault.code == "TOO_MANY_QUESTIONS")
    }

    @Test("nobody answers: the stage fails when the time is over")
    func expires() throws {
        var harness = try asked()
        harness.now += OpenQuestions.patience
        try harness.apply(.wake(judgeDeadlines: false))
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.machine.state.outcome?.fault.code == "QUESTIONS_EXPIRED")
        #expect(harness.trail.contains { $0.data["finding"] == "expiry_passed" })
        let closed = harness.directives.compactMap { directive -> ClosedQuestionRound? in
            if case .closeRound(let round) = directive { return round }
            return nil
        }
        #expect(closed.map(\.round) == [1] && closed.allSatisfy(\.values.isEmpty))
    }

    @Test("people may answer while paused; the attempt goes out at the resume")
    func paused() throws {
        var harness = try asked()
        try harness.apply(.pause(actor: "bob", reason: ""))
        harness.now += OpenQuestions.patience
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(harness.stage("one").phase == .awaitingAnswers, "time is judged at the resume")
        try harness.apply(answers(["size": 3, "color": "red"]))
        #expect(harness.orders.count == 1)
        try harness.apply(.resume(actor: "bob"))
        #expect(harness.orders.count == 2)
        #expect(harness.orders.last?.answers.count == 2)
    }

    @Test("a cancel ends a workflow that waits for answers at once")
    func cancelled() throws {
        var harness = try asked()
        try harness.apply(.cancel(actor: "bob", reason: ""))
        #expect(harness.machine.state.phase == .cancelled)
        #expect(throws: Rejection.conflict(event: .answers, phase: .cancelled)) {
            try harness.apply(answers(["size": 3]))
        }
    }

    @Test("of two stages that ask, the answers must say which they are for")
    func several() throws {
        var harness = MachineHarness([try .test("one"), try .test("two")])
        try harness.apply(.start(actor: "ann"))
        for name in ["one", "two"] { try harness.apply(harness.result(name, .needsInput, questions: [size])) }
        #expect(throws: Rejection.severalStagesAsk(["one", "two"])) { try harness.apply(answers(["size": 1])) }
        try harness.apply(answers(["size": 1], stage: "two"))
        #expect(harness.stages(in: .awaitingAnswers) == ["one"])
    }
}
