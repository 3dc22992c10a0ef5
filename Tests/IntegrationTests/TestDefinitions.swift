import Foundation
import LocalStack

/// The workflow types that the tests use, written where the orchestrators look for them.
enum TestDefinitions {
    /// Agent types that only tests play.
    static let handmadeAgents =
        ["handmade", "fault"]
        + [
            "absent", "hanging", "twins", "leave", "hundred", "results", "cancelled", "clock", "fragile", "lost",
            "gone",
            "full", "shifted",
        ].map { "hand-\($0)" }

    static func write(into directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var texts = [
            "handmade": relay("handmade", ["handmade", "handmade"]),
            "long": relay("long", StackConfiguration.allAgents + ["scaffold", "validation"], attempts: 20),
            "one": relay("one", ["scaffold"]),
            "hangs": relay("hangs", ["scaffold"], attempts: 2, timeout: "4s"),
            "hand-hanging": relay("hand-hanging", ["hand-hanging"], attempts: 2, timeout: "4s"),
            "hand-results": relay("hand-results", ["hand-results", "hand-results"]),
        ]
        for type in StackConfiguration.allAgents { texts["nap-\(type)"] = relay("nap-\(type)", [type, "validation"]) }
        for type in handmadeAgents where texts[type] == nil && type != "fault" { texts[type] = relay(type, [type]) }
        texts["fault-command"] = single(
            "fault-command", action: "command", with: #"{ argv: "{{ input.argv }}" }"#, attempts: 1)
        texts["poison"] = single("poison", of: "hand-fragile", action: "die", with: "{}", attempts: 2)
        texts["disk-full"] = single("disk-full", of: "hand-full", action: "fill", with: "{}", attempts: 1)
        texts["dev-full"] = single(
            "dev-full", of: "hand-full", action: "fill", with: "{ path: /dev/full, megabytes: 1 }", attempts: 1)
        texts["fault-exclusive"] = single(
            "fault-exclusive", action: "exclusive", with: "{ sleep_ms: 200 }", attempts: 3)
        texts["workspace-gone"] = workspaceGone
        texts["remote-change"] = remoteChange
        for (name, text) in texts {
            try text.write(toFile: "\(directory)/\(name).yaml", atomically: true, encoding: .utf8)
        }
    }

    /// Stages one after the other, of which the first (of `long` each) waits for `sleep_ms`.
    private static func relay(
        _ name: String, _ agents: [String], attempts: Int = 3, timeout: String = "30m"
    ) -> String {
        var text = """
            name: \(name)
            input:
              type: object
              properties:
                sleep_ms: { type: integer, default: 0 }
                fail: { type: [boolean, string, integer], default: false }
            defaults:
              timeout: \(timeout)
              retry: { max_attempts: \(attempts), initial: 100ms, factor: 2, max: 1s, jitter: full }
            stages:

            """
        for (number, agent) in agents.enumerated() {
            let sleep = number == 0 || name == "long" ? "{{ default(input.sleep_ms, 0) }}" : "{{ 0 }}"
            let stage = stageNames.indices.contains(number) ? stageNames[number] : "stage_\(number + 1)"
            text += """
                  - name: \(stage)
                    agent: \(agent)
                    action: noop
                    workspace: none
                    with: { sleep_ms: "\(sleep)", output: { n: \(number + 1) }, fail: "{{ default(input.fail, false) }}" }

                """
        }
        return text
    }

    /// One stage of the agent whose actions go wrong.
    private static func single(
        _ name: String, of agent: String = "fault", action: String, with: String, attempts: Int
    ) -> String {
        """
        name: \(name)
        input: { type: object }
        defaults:
          timeout: 5m
          retry: { max_attempts: \(attempts), initial: 100ms, factor: 2, max: 1s, jitter: full }
        stages:
          - name: first
            agent: \(agent)
            action: \(action)
            workspace: none
            with: \(with)

        """
    }

    /// A stage that leaves a commit, one in which a test may do what it likes, and one that needs the commit.
    private static let workspaceGone = """
        name: workspace-gone
        input: { type: object }
        defaults:
          retry: { max_attempts: 2, initial: 100ms, factor: 2, max: 1s, jitter: full }
        stages:
          - name: initialization
            agent: scaffold
            workspace: write
          - name: meanwhile
            agent: hand-gone
            action: noop
            workspace: none
          - name: reading
            agent: fault
            action: read
            workspace: read

        """

    /// A branch of a repository is taken up and merged there.
    private static let remoteChange = """
        name: remote-change
        input:
          type: object
          required: [repository, branch]
          properties:
            repository: { type: string }
            branch: { type: string }
        stages:
          - name: initialization
            agent: scaffold
            workspace: write
            with: { repository: "{{ input.repository }}", branch: "{{ input.branch }}" }
          - name: integration
            agent: integration
            workspace: write
            with:
              repository: "{{ input.repository }}"
              target_branch: "{{ stages.initialization.output.target_branch }}"

        """

    /// The names of the first stages.
    private static let stageNames = ["first", "second"]
}
