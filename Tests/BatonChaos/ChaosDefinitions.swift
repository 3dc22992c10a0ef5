import FaultKit
import Foundation
import JSONTools

/// The workflow types of the load. Agents die many times, so that many attempts are allowed: what ends otherwise than
/// expected did so for a fault of Baton's.
enum ChaosDefinitions {
    /// How a kind of workflow is created, and how it has to end if nobody intervenes.
    struct Kind: Sendable {
        var type: String
        var input: @Sendable (inout Dice) -> JSONObject
        var ends: String
        var stages: [String]
        /// How often it is chosen.
        var weight: Int
    }

    static let kinds = [
        Kind(
            type: "chaos-relay", input: { ["sleep_ms": .integer(Int64.random(in: 0...800, using: &$0))] },
            ends: "completed", stages: ["s1", "s3", "s4", "s7"], weight: 5),
        Kind(
            type: "chaos-diamond", input: { ["sleep_ms": .integer(Int64.random(in: 0...1500, using: &$0))] },
            ends: "completed", stages: ["fork", "left", "middle", "right", "join", "last"], weight: 4),
        Kind(
            type: "chaos-relay", input: { ["fail": .integer(Int64.random(in: 1...3, using: &$0))] }, ends: "completed",
            stages: ["s2", "s4", "s5"], weight: 2),
        Kind(type: "chaos-doomed", input: { _ in [:] }, ends: "failed", stages: ["good", "bad"], weight: 1),
        Kind(
            type: "chaos-optional", input: { _ in [:] }, ends: "completed", stages: ["begin", "optional", "end"],
            weight: 1),
        Kind(
            type: "chaos-long", input: { ["sleep_ms": .integer(Int64.random(in: 5000...20_000, using: &$0))] },
            ends: "completed", stages: ["first", "second"], weight: 1),
        Kind(type: "chaos-tool", input: { _ in [:] }, ends: "completed", stages: ["tool"], weight: 1),
        Kind(
            type: "chaos-asks", input: { _ in [:] }, ends: "completed", stages: ["before", "asks", "after"], weight: 1),
    ]

    /// Stands in the command line of every tool of this run.
    static let toolMark = "0.0\(getpid())"

    static func write(into directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let agents = ["scaffold", "scaffold", "scaffold", "validation", "e2e", "integration", "deployment"]
        let texts = [
            "chaos-relay": head("chaos-relay")
                + agents.enumerated().map { number, agent in stage("s\(number + 1)", agent, fails: number == 3) }
                .joined(),
            "chaos-diamond": head("chaos-diamond") + stage("fork", "scaffold")
                + stage("left", "validation", needs: ["fork"]) + stage("middle", "e2e", needs: ["fork"])
                + stage("right", "integration", needs: ["fork"])
                + stage("join", "scaffold", needs: ["left", "middle", "right"])
                + stage("last", "deployment", needs: ["join"]),
            "chaos-doomed": head("chaos-doomed", attempts: 2) + stage("good", "scaffold", attempts: 60)
                + stage("bad", "validation", always: true),
            "chaos-optional": head("chaos-optional") + stage("begin", "scaffold")
                + stage("optional", "e2e", needs: ["begin"], attempts: 2, always: true, isRequired: false)
                + stage("end", "integration", needs: ["optional"]),
            "chaos-long": head("chaos-long") + stage("first", "integration") + stage("second", "validation"),
            "chaos-asks": head("chaos-asks") + stage("before", "scaffold")
                + stage("asks", "validation", more: ", questions: [{ id: q1, text: Go on? }], rounds: 2")
                + stage("after", "deployment"),
            "chaos-tool": head("chaos-tool") + """
                  - name: tool
                    agent: fault
                    action: command
                    workspace: none
                    with: { argv: [sh, -c, "sleep \(toolMark) & sleep 1; sleep \(toolMark); wait"] }

                """,
        ]
        for (name, text) in texts {
            try text.write(toFile: "\(directory)/\(name).yaml", atomically: true, encoding: .utf8)
        }
    }

    private static func head(_ name: String, attempts: Int = 60) -> String {
        """
        name: \(name)
        input:
          type: object
          properties:
            sleep_ms: { type: integer, default: 0 }
            fail: { type: integer, default: 0 }
        defaults:
          timeout: 30m
          retry: { max_attempts: \(attempts), initial: 100ms, factor: 2, max: 2s, jitter: full }
        stages:

        """
    }

    private static func stage(
        _ name: String, _ agent: String, needs: [String]? = nil, attempts: Int? = nil, fails: Bool = false,
        always: Bool = false, isRequired: Bool = true, more: String = ""
    ) -> String {
        let fault = always ? "true" : (fails ? #""{{ default(input.fail, 0) }}""# : "false")
        return """
              - name: \(name)
                agent: \(agent)
                action: noop
                workspace: none
            \(needs.map { "    needs: [\($0.joined(separator: ", "))]\n" } ?? "")\
            \(attempts.map { "    retry: { max_attempts: \($0) }\n" } ?? "")\
            \(isRequired ? "" : "    required: false\n    on_failure: continue\n")\
                with: { sleep_ms: "{{ default(input.sleep_ms, 0) }}", fail: \(fault)\(more) }

            """
    }
}
