import JSONTools
package import WorkflowCore

/// The definitions that simulated workflows follow: chains, parallel stages, optional ones, conditions, outputs that are
/// read, short limits.
package enum SimulatedDefinitions {
    /// The types of agents that they name.
    package static let agentTypes = ["alpha", "beta"]

    /// All of them.
    package static let all = usual + [broad]

    /// So many stages at once that a few workflows have more tasks than may be on the road.
    static let broad = definition(
        "broad", (1...8).map { stage("part\($0)", "alpha") } + [stage("end", "beta", ["part1", "part8"])])

    /// Those that most workflows follow.
    static let usual: [WorkflowDefinition] = [
        definition("single", [stage("only", "alpha")]),
        definition("chain", [stage("one", "alpha"), stage("two", "beta", ["one"]), stage("three", "alpha", ["two"])]),
        definition(
            "diamond",
            [
                stage("root", "alpha"), stage("left", "alpha", ["root"], attempts: 2), stage("right", "beta", ["root"]),
                stage("join", "beta", ["left", "right"], reads: ["left", "right"]),
            ]),
        definition(
            "optional",
            [
                stage("base", "alpha"),
                stage("extra", "beta", ["base"], required: false, attempts: 1, onFailure: .continue),
                stage("final", "alpha", ["base", "extra"], reads: ["base"]),
            ]),
        definition(
            "conditional",
            [
                stage("first", "beta", onPartial: .continue),
                stage("maybe", "alpha", ["first"], condition: "stages.first.output.n > 50"),
                stage("last", "beta", ["maybe"], timeoutSeconds: 25),
            ]),
        definition(
            "impatient",
            [
                stage("quick", "alpha", attempts: 2, timeoutSeconds: 20),
                stage("next", "beta", ["quick"], attempts: 1, timeoutSeconds: 30),
            ], totalTimeoutSeconds: 600),
        definition(
            "wide",
            ["a", "b", "c", "d"].map { stage($0, $0 < "c" ? "alpha" : "beta") }
                + [stage("end", "alpha", ["a", "b", "c", "d"])]),
    ]

    private static func definition(
        _ name: String, _ stages: [StageDefinition], totalTimeoutSeconds: Int? = nil
    ) -> WorkflowDefinition {
        WorkflowDefinition(
            name: name, description: "", input: nil, totalTimeout: totalTimeoutSeconds.map { .seconds($0) },
            stages: stages)
    }

    private static func stage(
        _ name: String, _ agent: String, _ needs: [String] = [], reads: [String] = [], required: Bool = true,
        attempts: Int = 3, condition: String? = nil, timeoutSeconds: Int = 60, onFailure: UnmetReaction = .fail,
        onPartial: UnmetReaction = .fail
    ) -> StageDefinition {
        var with = JSONObject()
        for other in reads { with["from_\(other)"] = .string("{{ stages.\(other).output.n }}") }
        do {
            return StageDefinition(
                name: name, agent: agent, action: "act", workspace: .none, needs: needs,
                with: try CompiledTemplate(.object(with)),
                condition: try condition.map { try CompiledExpression(source: $0) }, required: required,
                timeout: .seconds(timeoutSeconds),
                retry: RetryPolicy(maxAttempts: attempts, initial: .seconds(1), max: .seconds(20)),
                onFailure: onFailure, onPartial: onPartial)
        } catch {
            preconditionFailure("the definitions of the simulator are sound: \(error)")
        }
    }
}

extension SimulatedDefinitions {
    /// Content hashes, in the order of ``all``.
    static let hashes = all.map(\.contentHash)
    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// A definition by its name.
    static func named(_ name: String) -> WorkflowDefinition? { byName[name] }

    /// Names of a definition's stages.
    static func stages(of name: String?) -> [String] {
        name.flatMap { byName[$0]?.stages.map(\.name) } ?? []
    }
}
