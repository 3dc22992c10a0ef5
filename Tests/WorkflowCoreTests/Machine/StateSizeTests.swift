import JSONTools
import Testing
import WorkflowCore

@Suite("The size of the stored state")
struct StateSizeTests {
    @Test("stays within its limit with the most stages there may be, each failed with a long message")
    func worstCase() throws {
        var entropy = EntropySource(seed: 1)
        var state = WorkflowState(stageCount: WorkflowDefinition.maximumStages)
        let now = MachineHarness.epoch
        let fault = WorkflowFault(
            code: String(repeating: "C", count: 64), message: String(repeating: "m", count: 10_000), isRetryable: true)
        state.phase = .running
        for index in state.stages.indices {
            state.stages[index].phase = .running
            state.stages[index].attempt = 3
            state.stages[index].failures = 2
            state.stages[index].generation = 2
            state.stages[index].taskID = UniqueID.v7(at: now, using: &entropy)
            state.stages[index].startedAt = now
            state.stages[index].retryAt = index % 2 == 0 ? now : nil
            state.stages[index].fault = fault
        }
        let bytes = state.encoded()
        #expect(bytes.count <= WorkflowState.maximumEncodedBytes)
        let decoded = try WorkflowState(decoding: bytes)
        #expect(decoded.stages.map(\.taskID) == state.stages.map(\.taskID))
        #expect(decoded.stages[0].fault?.code == fault.code)

        state.stages = Array(state.stages.prefix(7))
        #expect(try WorkflowState(decoding: state.encoded()).stages[0].fault?.message.utf8.count == 600)
    }
}
