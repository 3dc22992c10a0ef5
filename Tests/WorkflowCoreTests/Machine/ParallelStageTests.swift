import JSONTools
import Testing
import WorkflowCore

@Suite("Stages side by side")
struct ParallelStageTests {
    /// `a` before `b` and `c`, both before `d`.
    private func diamond(required: Bool = true) throws -> MachineHarness {
        var harness = MachineHarness([
            try .test("a"), try .test("b", needs: ["a"], attempts: 1),
            try .test("c", needs: ["a"], required: required, attempts: 1), try .test("d", needs: ["b", "c"]),
        ])
        try harness.apply(.start(actor: "ann"))
        try harness.apply(harness.result("a"))
        return harness
    }

    @Test("stages that need the same one run at once; what needs both waits for both")
    func join() throws {
        var harness = try diamond()
        #expect(harness.stages(in: .running) == ["b", "c"])
        try harness.apply(harness.result("c"))
        #expect(harness.stages(in: .running) == ["b"])
        try harness.apply(harness.result("b"))
        #expect(harness.stages(in: .running) == ["d"])
        try harness.apply(harness.result("d"))
        #expect(harness.machine.state.phase == .completed)
    }

    @Test("a required stage that fails stops its sibling, and the workflow ends when that has stopped")
    func sibling() throws {
        var harness = try diamond()
        let sibling = try #require(harness.reference("c"))
        let produced = try harness.apply(harness.result("b", .failure))
        #expect(produced.contains(.stop(sibling, stage: 2)))
        #expect(harness.machine.state.phase == .stopping)
        try harness.apply(harness.result("c", .cancelled))
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.machine.state.outcome?.stage == "b")
        #expect(harness.stages(in: .cancelled) == ["c", "d"])
    }

    @Test("a stage that is not required may fail beside its sibling")
    func optional() throws {
        var harness = try diamond(required: false)
        try harness.apply(harness.result("c", .failure))
        #expect(harness.machine.state.phase == .running)
        try harness.apply(harness.result("b"))
        try harness.apply(harness.result("d"))
        #expect(harness.machine.state.phase == .completed)
        #expect(harness.stage("c").phase == .failed)
    }

    @Test("results of siblings in one batch, in any order, start what needs them once", arguments: [true, false])
    func order(flag: Bool) throws {
        var harness = try diamond()
        let results = flag ? [harness.result("b"), harness.result("c")] : [harness.result("c"), harness.result("b")]
        for result in results + results { try harness.apply(result) }
        #expect(harness.orders.count { $0.stage == 3 } == 1)
    }
}
