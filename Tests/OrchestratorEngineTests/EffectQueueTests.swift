import Testing

@testable import OrchestratorEngine

@Suite("Effects on their way out")
struct EffectQueueTests {
    @Test("lanes that wait for room all go on once there is some", .timeLimit(.minutes(1)))
    func producers() async {
        let queue = EffectQueue()
        for _ in 0..<EffectQueue.limit { await queue.append(BatchEffects()) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 1...3 { group.addTask { await queue.append(BatchEffects()) } }
            var taken = 0
            while taken < EffectQueue.limit + 3 { taken += await queue.takeAll()?.count ?? 0 }
            await group.waitForAll()
            #expect(taken == EffectQueue.limit + 3)
        }
        queue.close()
        #expect(await queue.takeAll()?.count == nil)
    }
}

@Suite("Lanes")
struct LaneTests {
    @Test(
        "there is one for two processors, one at least and four at most",
        arguments: [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4), (-1, 1)])
    func number(processors: Int, lanes: Int) {
        #expect(Orchestrator.lanes(processors: processors) == lanes)
    }
}
