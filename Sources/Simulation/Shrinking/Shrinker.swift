import WorkflowCore

/// Makes a failing scenario smaller: leaves out what it can while the same rule is still broken.
package enum Shrinker {
    /// The smallest scenario found, and the rule it breaks; nil if the scenario doesn't fail.
    ///
    /// - Parameter limit: the most worlds to run.
    package static func smallest(failing scenario: Scenario, limit: Int = 3000) -> (scenario: Scenario, rule: String)? {
        guard let rule = brokenRule(scenario) else { return nil }
        var best = scenario
        var runs = 0
        var isSmaller = true
        while isSmaller, runs < limit {
            isSmaller = false
            for candidate in candidates(best) {
                runs += 1
                guard brokenRule(candidate) == rule else { continue }
                best = candidate
                isSmaller = true
                break
            }
        }
        return (best, rule)
    }

    /// The rule that a scenario breaks first; the words in brackets.
    private static func brokenRule(_ scenario: Scenario) -> String? {
        let world = World(scenario)
        world.run()
        return world.violations.first.map { String($0.prefix { $0 != "]" }) }
    }

    /// The scenario with less, the boldest cuts first.
    private static func candidates(_ scenario: Scenario) -> [Scenario] {
        var list: [Scenario] = []
        list += halves(scenario, \.faults) + halves(scenario, \.workflows) + halves(scenario, \.acts)
        list += singles(scenario, \.workflows) + singles(scenario, \.faults) + singles(scenario, \.acts)
        if scenario.orchestrators.count > 1 {
            var fewer = scenario
            fewer.orchestrators.removeLast()
            fewer.faults.removeAll { $0.concerns(.orchestrator(fewer.orchestrators.count)) }
            list.append(fewer)
        }
        if let last = scenario.agents.last {
            var fewer = scenario
            fewer.agents.removeLast()
            fewer.faults.removeAll { $0.concerns(.agent(fewer.agents.count)) }
            if fewer.agents.contains(where: { $0.type == last.type }) { list.append(fewer) }
        }
        var plain = scenario
        for index in plain.orchestrators.indices { plain.orchestrators[index].skew = 0 }
        for index in plain.agents.indices {
            plain.agents[index].skew = 0
            plain.agents[index].startsAt = 0
        }
        for index in plain.workflows.indices {
            plain.workflows[index].isSentTwice = false
            plain.workflows[index].priority = 2
        }
        if plain != scenario { list.append(plain) }
        return list
    }

    private static func halves<Item>(
        _ scenario: Scenario, _ path: WritableKeyPath<Scenario, [Item]>
    ) -> [Scenario] {
        let items = scenario[keyPath: path]
        guard items.count > 2 else { return [] }
        let middle = items.count / 2
        return [Array(items[..<middle]), Array(items[middle...])].map { part in
            var fewer = scenario
            fewer[keyPath: path] = part
            return fewer
        }
    }

    private static func singles<Item>(
        _ scenario: Scenario, _ path: WritableKeyPath<Scenario, [Item]>
    ) -> [Scenario] {
        scenario[keyPath: path].indices.map { index in
            var fewer = scenario
            fewer[keyPath: path].remove(at: index)
            return fewer
        }
    }
}

extension Scenario.Fault {
    /// Whether it happens to a host.
    fileprivate func concerns(_ host: Scenario.Host) -> Bool {
        switch self {
        case .crash(let other, _, _), .stall(let other, _, _), .cutOff(let other, _, _), .terminate(let other, _, _):
            other == host
        case .crashAtEffect(let index, _): host == .orchestrator(index)
        case .redisDown, .redisFlush, .redisFallback, .recordDown, .recordSlow, .commit, .call: false
        }
    }
}

extension Scenario {
    /// What is in it, for people.
    package var summary: String {
        var lines = ["\(orchestrators.count) orchestrators" + (isSlow ? ", slow actions" : "")]
        for (index, agent) in agents.enumerated() {
            lines.append("a\(index): \(agent.type), \(agent.slots) slots, from \(seconds(agent.startsAt))")
        }
        for workflow in workflows {
            lines.append(
                "\(workflow.name): \(SimulatedDefinitions.all[workflow.definition].name) at \(seconds(workflow.at))"
                    + (workflow.hasKey ? ", with a key" : "") + (workflow.isSentTwice ? ", sent twice" : "")
                    + (workflow.tenant == "default" ? "" : ", of \(workflow.tenant)"))
        }
        for act in acts { lines.append("\(act.kind.rawValue) w\(act.workflow) at \(seconds(act.at))") }
        for fault in faults { lines.append("fault: \(fault)") }
        return lines.joined(separator: "\n")
    }
}
