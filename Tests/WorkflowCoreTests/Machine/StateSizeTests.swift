import JSONTools
import Testing

@testable import WorkflowCore

@Suite("The size of the stored state")
struct StateSizeTests {
    private let now = MachineHarness.epoch
    private let fault = WorkflowFault(
        code: String(repeating: "C", count: 200), message: String(repeating: "m", count: 10_000), isRetryable: true)

    /// The most stages, each in its second generation after failures, all at work with agents of the longest names.
    private func worst() -> WorkflowState {
        var entropy = EntropySource(seed: 1)
        var state = WorkflowState(stageCount: WorkflowDefinition.maximumStages)
        state.phase = .paused
        state.pause = .init(since: now, actor: String(repeating: "p", count: 128))
        state.startedAt = now
        state.retriedAt = now
        state.recordedWake = now
        for index in state.stages.indices {
            state.stages[index].phase = .running
            state.stages[index].generation = 99
            state.stages[index].attempt = 99
            state.stages[index].failures = 99
            state.stages[index].questionRounds = 3
            state.stages[index].ignoredResults = 9999
            state.stages[index].taskID = UniqueID.v7(at: now, using: &entropy)
            state.stages[index].commit = String(repeating: "c", count: 64)
            state.stages[index].startedAt = now
            state.stages[index].fault = fault
            var open = OpenAttempt(dispatchID: 1 << 63, sentAt: now)
            open.agentID = String(repeating: "a", count: 128)
            open.deadline = now
            open.cancelledAt = now
            open.isAgentMissingNoted = true
            state.stages[index].open = open
        }
        return state
    }

    @Test("stays within its limit with the most stages there may be, each with the longest of everything")
    func worstCase() throws {
        var state = worst()
        // As many questions as may be open, and all the answers that are kept.
        for index in 0..<4 {
            state.stages[index].open = nil
            state.stages[index].phase = .awaitingAnswers
            state.stages[index].questions = OpenQuestions(
                round: 3, ids: (0..<20).map { String(repeating: "q", count: 49) + "\($0)" }, askedAt: now,
                expiresAt: now)
            let answer = JSONValue.string(String(repeating: "v", count: OpenQuestions.maximumAnswerBytes / 80 - 60))
            state.stages[index].answers = (0..<20).map {
                GivenAnswer(id: String(repeating: "q", count: 49) + "\($0)", value: answer)
            }
        }
        let bytes = state.encoded()
        #expect(bytes.count <= WorkflowState.maximumEncodedBytes, "\(bytes.count) bytes")
        let decoded = try WorkflowState(decoding: bytes)
        #expect(decoded.stages.map(\.taskID) == state.stages.map(\.taskID))
        #expect(decoded.stages.map(\.open?.agentID) == state.stages.map(\.open?.agentID))
        #expect(decoded.stages.map(\.answers) == state.stages.map(\.answers))
        #expect(decoded.stages[0].fault?.code == String(fault.code.prefix(64)))
    }

    @Test("a state of seven stages keeps messages of 600 bytes, and is small")
    func usual() throws {
        var state = worst()
        state.stages = Array(state.stages.prefix(7))
        let bytes = state.encoded()
        #expect(bytes.count < 10_000)
        #expect(try WorkflowState(decoding: bytes).stages[0].fault?.message.utf8.count == 600)
    }
}

@Suite("Beginnings of texts")
struct TextBeginningTests {
    @Test(
        "a beginning has whole scalars only, and at most so many bytes",
        arguments: [
            ("abc", 3, "abc"), ("abcd", 3, "abc"), ("aä", 2, "a"), ("a😀b", 4, "a"), ("😀", 4, "😀"), ("é", 0, ""),
        ])
    func beginning(text: String, limit: Int, expected: String) {
        #expect(text.beginning(ofBytes: limit) == expected)
    }
}
