import WorkflowCore

extension Scenario {
    /// How long things go wrong, in milliseconds; then the world is left to come to rest.
    package static let troubleMilliseconds: Int64 = 150_000

    /// The scenario of a seed.
    package init(seed: UInt64) {
        // The drawing and the run take different numbers from the seed.
        var draw = Draw(EntropySource(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1))
        self.seed = seed
        orchestrators = (0..<draw.number(1...3)).map { _ in Orchestrator(skew: draw.skew()) }
        agents = []
        for type in SimulatedDefinitions.agentTypes {
            for _ in 0..<draw.number(1...2) {
                let isLate = draw.chance(0.15)
                agents.append(
                    Agent(
                        type: type, slots: draw.number(1...3), startsAt: isLate ? draw.time(60_000) : 0,
                        skew: draw.skew()))
            }
        }
        workflows = (1...draw.number(2...8)).map { number in
            let hasKey = draw.chance(0.6)
            return Workflow(
                number: number, definition: draw.number(0...SimulatedDefinitions.all.count - 1),
                at: draw.chance(0.5) ? draw.time(2000) : draw.time(90_000), hasKey: hasKey,
                isSentTwice: hasKey && draw.chance(0.3), priority: draw.number(0...3))
        }
        if draw.chance(0.03) { workflows = draw.crowd() }
        acts = []
        for workflow in workflows { draw.acts(on: workflow, into: &acts) }
        faults = []
        // Some worlds are calm: what goes wrong there is nobody's fault but ours.
        guard !draw.chance(0.15) else { return }
        for _ in 0..<draw.number(1...6) { faults.append(draw.outage(in: self)) }
        for _ in 0..<draw.number(0...6) { faults.append(draw.small(in: self)) }
    }
}

/// Draws what a scenario is made of.
private struct Draw {
    var entropy: EntropySource

    init(_ entropy: EntropySource) { self.entropy = entropy }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &entropy) }

    mutating func chance(_ share: Double) -> Bool { entropy.nextUnit() < share }

    mutating func time(_ end: Int64) -> Int64 { Int64.random(in: 0...end, using: &entropy) }

    /// A span that is short more often than long, in milliseconds.
    mutating func span(_ range: ClosedRange<Int64>) -> Int64 {
        let unit = entropy.nextUnit()
        return range.lowerBound + Int64(Double(range.upperBound - range.lowerBound) * unit * unit)
    }

    mutating func skew() -> Int64 {
        chance(0.7) ? 0 : Int64.random(in: -36_000_000...36_000_000, using: &entropy)
    }

    mutating func host(_ scenario: Scenario) -> Scenario.Host {
        chance(0.5)
            ? .orchestrator(number(0...scenario.orchestrators.count - 1))
            : .agent(number(0...scenario.agents.count - 1))
    }

    /// So many at once that not all of their tasks may be on the road.
    mutating func crowd() -> [Scenario.Workflow] {
        let wide = SimulatedDefinitions.all.firstIndex { $0.name == "wide" } ?? 0
        return (1...number(40...60)).map { number in
            Scenario.Workflow(
                number: number, definition: wide, at: time(10_000), hasKey: false, isSentTwice: false,
                priority: self.number(0...3), tenant: "tenant \(self.number(1...3))")
        }
    }

    mutating func acts(on workflow: Scenario.Workflow, into acts: inout [Scenario.Act]) {
        func act(_ kind: Scenario.Act.Kind, after delay: Int64) -> Scenario.Act {
            Scenario.Act(kind: kind, workflow: workflow.number, at: workflow.at + delay)
        }
        if chance(0.2) {
            let pause = span(0...60_000)
            acts.append(act(.pause, after: pause))
            acts.append(act(.resume, after: pause + (chance(0.2) ? 0 : span(100...60_000))))
        }
        if chance(0.12) { acts.append(act(.cancel, after: span(0...90_000))) }
        if chance(0.2) { acts.append(act(.retry, after: span(1000...140_000))) }
        if chance(0.3) { acts.append(act(.answer, after: span(1000...100_000))) }
    }

    mutating func outage(in scenario: Scenario) -> Scenario.Fault {
        let at = time(Scenario.troubleMilliseconds - 30_000)
        switch number(0...13) {
        case 0: return .redisDown(at: at, for: span(200...60_000))
        case 1: return .redisFlush(at: at)
        case 2: return .recordDown(at: at, for: span(200...60_000))
        case 3: return .recordSlow(at: at, for: span(1000...30_000))
        case 4, 5, 6: return .crash(host(scenario), at: at, for: span(100...40_000))
        case 7, 8: return .stall(host(scenario), at: at, for: span(100...50_000))
        case 9, 10: return .cutOff(host(scenario), at: at, for: span(50...60_000))
        case 11: return .terminate(host(scenario), at: at, for: span(100...20_000))
        default:
            let index = number(0...scenario.orchestrators.count - 1)
            return .crashAtEffect(orchestrator: index, effect: number(1...400))
        }
    }

    mutating func small(in scenario: Scenario) -> Scenario.Fault {
        if chance(0.5) {
            return .commit(number(1...80), Scenario.CommitFate.allCases[number(0...3)])
        }
        let call = Scenario.Call.allCases[number(0...Scenario.Call.allCases.count - 1)]
        return .call(call, number(1...30), Scenario.CallFate.allCases[number(0...1)])
    }
}
