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
                number: number, definition: draw.number(0...SimulatedDefinitions.usual.count - 1),
                at: draw.chance(0.5) ? draw.time(2000) : draw.time(90_000), hasKey: hasKey,
                isSentTwice: hasKey && draw.chance(0.3), priority: draw.number(0...3))
        }
        if draw.chance(0.03) { workflows = draw.crowd() }
        acts = []
        for workflow in workflows { draw.acts(on: workflow, into: &acts) }
        faults = []
        // Some worlds are calm: what goes wrong there is nobody's fault but ours.
        if !draw.chance(0.15) {
            for _ in 0..<draw.number(1...6) { faults.append(draw.outage(in: self)) }
            for _ in 0..<draw.number(0...6) { faults.append(draw.small(in: self)) }
        }
        // Rare worlds are drawn by themselves: they leave all others as they are.
        var rare = Draw(EntropySource(seed: seed &* 0xBF58_476D_1CE4_E5B9 &+ 5))
        if rare.chance(0.05) { standStill(&rare) }
        if rare.chance(0.05) { queueUp(&rare) }
        if rare.chance(0.05) { shareKeys(&rare) }
        if rare.chance(0.06) {
            for _ in 0..<rare.number(1...3) {
                faults.append(
                    .redisFallback(
                        at: 3000 + rare.time(Self.troubleMilliseconds - 30_000), behind: rare.span(20...2000)))
            }
        }
    }

    /// More tasks than may be on the road, of several tenants; some are paused, resumed or cancelled while they wait.
    private mutating func queueUp(_ draw: inout Draw) {
        let broad = SimulatedDefinitions.all.firstIndex { $0.name == "broad" } ?? 0
        workflows = (1...draw.number(10...14)).map { number in
            Workflow(
                number: number, definition: broad, at: draw.time(3000), hasKey: false, isSentTwice: false,
                priority: draw.number(0...3), tenant: "tenant \(draw.number(1...3))")
        }
        acts = []
        for workflow in workflows where draw.chance(0.5) {
            let at = workflow.at + draw.span(0...15_000)
            func act(_ kind: Act.Kind, after delay: Int64) {
                acts.append(Act(kind: kind, workflow: workflow.number, at: at + delay))
            }
            if draw.chance(0.4) {
                act(.cancel, after: 0)
            } else {
                act(.pause, after: 0)
                act(.resume, after: draw.chance(0.5) ? 0 : draw.span(10...20_000))
            }
            if draw.chance(0.2) { act(.cancel, after: draw.span(0...3000)) }
            if draw.chance(0.2) { act(.retry, after: draw.span(1000...60_000)) }
        }
    }

    /// Several tenants, whose keys are the same words.
    private mutating func shareKeys(_ draw: inout Draw) {
        for index in workflows.indices {
            workflows[index].tenant = "tenant \(index % 3 + 1)"
            workflows[index].hasKey = true
            workflows[index].keyNumber = index / 3 + 1
            workflows[index].isSentTwice = draw.chance(0.5)
        }
    }

    /// Orchestrators that stand still for long with others beside them, and agents that are cut off, while long actions
    /// run, many of which ask for a grant.
    private mutating func standStill(_ draw: inout Draw) {
        isSlow = true
        while orchestrators.count < 2 { orchestrators.append(Orchestrator(skew: draw.skew())) }
        faults.removeAll { fault in
            if case .commit = fault { return true }
            if case .crashAtEffect = fault { return true }
            return false
        }
        faults = Array(faults.prefix(2))
        for index in orchestrators.indices {
            faults.append(
                .stall(
                    .orchestrator(index), at: 10_000 + draw.time(Self.troubleMilliseconds - 60_000),
                    for: 15_000 + draw.time(35_000)))
        }
        for index in agents.indices where draw.chance(0.6) {
            let (at, span) = (8000 + draw.time(Self.troubleMilliseconds - 60_000), 3000 + draw.time(35_000))
            faults.append(.cutOff(.agent(index), at: at, for: span))
            // Who is told that it is over while it can't be told finds out when it is back.
            let victim = workflows[draw.number(0...workflows.count - 1)].number
            if draw.chance(0.7) { acts.append(Act(kind: .cancel, workflow: victim, at: at + draw.time(span))) }
        }
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
