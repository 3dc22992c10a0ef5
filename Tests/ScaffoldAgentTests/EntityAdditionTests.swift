import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import ScaffoldAgent

@Suite("an entity for an existing project")
struct EntityAdditionTests {
    @Test("gets its model, tests and API beside those that are there, in one commit on top, and the tests pass")
    func added() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let planned = try await trial.run(
                "initialization", name: "team", requirements: "a list of tasks with a title and a due date")
            let made = try await trial.run("scaffolding", commit: planned.commit)
            let commit = try #require(made.commit)
            try await sandbox.git("-C", trial.repository, "update-ref", "refs/heads/main", commit)
            let origin = sandbox.path + "/origin.git"
            try await sandbox.git("clone", "--quiet", "--bare", trial.repository, origin)

            func add(_ entities: JSONValue) async throws -> TaskResult {
                try await trial.run(
                    "initialization", name: "visits", input: ["repository": .string(origin), "entities": entities],
                    type: "feature")
            }
            let result = try await add([["name": "visit", "fields": ["place": "string", "day": "date"]]])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["base_commit"]?.stringValue == commit)
            let project = try await trial.checkOut(result.commit ?? "")
            for file in ["model/visit.json", "tests/visit.test.js", "model/task.json"] {
                #expect(sandbox.exists(project + "/" + file), "\(file)")
            }
            let model = try JSONValue(parsing: try #require(sandbox.read(project + "/model/visit.json")))
            #expect(model["position"] == 2)
            let api = try #require(sandbox.read(project + "/public/openapi.json"))
            #expect(api.contains("/api/visits/{id}") && api.contains("/api/tasks/{id}"))
            let scenarios = try ProjectManifest.load(from: project).json["e2e"]?["scenarios"]?.arrayValue ?? []
            #expect(scenarios.count == 3, "a task, a visit, and the form")
            let tests = try await sandbox.run("sh", ["-c", "cd \(project) && node --test tests/*.test.js"])
            #expect(tests.succeeded, "\(tests.text)")

            #expect(try await add(["tasks"]).errors.map(\.code) == ["ENTITY_EXISTS"])
            #expect(try await add([]).errors.map(\.code) == ["NOTHING_TO_DO"])
            #expect(try await add([["name": "x", "fields": ["y": "strng"]]]).errors.map(\.code) == ["INVALID_INPUT"])
            let other = sandbox.path + "/other.git"
            try await sandbox.commit(["a": "b"], to: "main", in: other)
            let foreign = try await trial.run(
                "initialization", input: ["repository": .string(other), "entities": ["task"]], type: "feature")
            #expect(foreign.errors.map(\.code) == ["NOT_FROM_TEMPLATE"])
        }
    }
}
