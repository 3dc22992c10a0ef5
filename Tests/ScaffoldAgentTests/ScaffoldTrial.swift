import AgentProtocol
import AgentTestSupport
import JSONTools

@testable import ScaffoldAgent

/// A workflow's repository, and the scaffold agent's real actions on it.
struct ScaffoldTrial {
    let sandbox: Sandbox
    var repository: String { sandbox.path + "/workflow.git" }

    /// Runs an action as the stage of a workflow.
    func run(
        _ action: String,
        name: String = "calculator-app",
        requirements: String? = nil,
        input: JSONObject = [:],
        type: String = "app",
        payload: JSONObject = [:],
        commit: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> TaskResult {
        var task = sandbox.task(action, payload: payload)
        task["workflow_context"] = [
            "workflow_type": .string(type), "workflow_name": .string(name), "input": .object(input),
            "requirements": requirements.map { .string($0) } ?? nil,
        ]
        task["workspace"] = [
            "mode": "write", "url": .string("file:" + repository), "commit": commit.map { .string($0) } ?? nil,
        ]
        return try await sandbox.run(
            task, type: "scaffold",
            actions: [InitializationAction(), ScaffoldingAction(), DependencyInstallationAction()],
            environment: environment)
    }

    /// Runs the three stages of a new app.
    ///
    /// - Returns: the last result, and a folder with the project as it was committed.
    func generate(
        name: String = "calculator-app",
        requirements: String? = nil,
        input: JSONObject = [:],
        environment: [String: String] = [:]
    ) async throws -> (results: [TaskResult], project: String) {
        var results: [TaskResult] = []
        for action in ["initialization", "scaffolding", "dependency_installation"] {
            let result = try await run(
                action, name: name, requirements: requirements, input: input, commit: results.last?.commit,
                environment: environment)
            guard result.status == .success else {
                throw Sandbox.Failure(description: "\(action): \(result.errors)")
            }
            results.append(result)
        }
        return (results, try await checkOut(results.last?.commit ?? ""))
    }

    /// A folder with a commit of the workflow's repository.
    func checkOut(_ commit: String) async throws -> String {
        let folder = sandbox.path + "/project-\(UInt32.random(in: .min ... .max))"
        try await sandbox.git("clone", "--quiet", "--no-checkout", repository, folder)
        try await sandbox.git("-C", folder, "checkout", "--quiet", "--detach", commit)
        return folder
    }
}
