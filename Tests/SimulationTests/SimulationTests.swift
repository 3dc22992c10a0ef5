import Testing

@testable import Simulation

@Suite struct SimulationTests {
    @Test(arguments: 0..<8)
    func `Worlds in which things go wrong come to rest, and their histories are sound`(_ part: UInt64) {
        for seed in part * 5 + 1...part * 5 + 5 {
            let world = World(Scenario(seed: seed))
            world.run()
            #expect(world.violations == [], "seed \(seed): scripts/simulate --shrink \(seed)")
            #expect(world.workflowCount > 0 && world.attemptCount > 0)
        }
    }

    @Test func `The same seed gives the same world`() {
        for seed: UInt64 in [3, 14, 15] {
            let worlds = (0..<2).map { _ in World(Scenario(seed: seed), isTraced: true) }
            for world in worlds { world.run() }
            #expect(worlds[0].lines == worlds[1].lines && !worlds[0].lines.isEmpty, "seed \(seed)")
            #expect(worlds[0].eventCount == worlds[1].eventCount)
        }
    }

    @Test func `Seeds differ, and have all kinds of trouble among them`() {
        let scenarios = (1...300).map { Scenario(seed: UInt64($0)) }
        #expect(Set(scenarios).count == 300)
        let kinds = Set(scenarios.flatMap(\.faults).map { "\($0)".filter { !$0.isNumber && $0 != "." } })
        #expect(kinds.count > 20, "\(kinds)")
        #expect(Set(scenarios.map(\.orchestrators.count)) == [1, 2, 3])
        #expect(Set(scenarios.flatMap(\.workflows).map(\.definition)).count == SimulatedDefinitions.all.count)
        #expect(scenarios.contains { $0.isSlow })
        #expect(scenarios.contains { Set($0.workflows.map(\.tenant)).count > 1 && $0.workflows.count > 9 })
        #expect(scenarios.contains { Set($0.workflows.map(\.key)).count * 2 < $0.workflows.count })
        #expect(scenarios.contains { $0.faults.isEmpty } && scenarios.contains { $0.faults.count > 8 })
    }

    @Test func `A failing world shrinks to what it takes`() throws {
        // Nobody of type beta ever lives, so that what needs one can't end.
        var scenario = Scenario(seed: 4)
        scenario.agents.removeAll { $0.type == "beta" }
        let smallest = try #require(Shrinker.smallest(failing: scenario, limit: 100))
        #expect(smallest.rule == "[accepted-ends")
        #expect(smallest.scenario.workflows.count == 1 && smallest.scenario.faults.isEmpty)
        #expect(smallest.scenario.summary.contains("w"))
    }
}
