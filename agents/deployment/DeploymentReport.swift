import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// What a deployment or a rollback reports.
enum DeploymentReport {
    static func outcome(_ ending: Deployer.Ending, name: DeploymentName) -> ActionOutcome {
        switch ending {
        case .healthy(let record, let health):
            return ActionOutcome(output: [
                "summary": .string("healthy at \(record.url)"), "url": .string(record.url),
                "deployment": .string(name.description), "release": .string(record.release),
                "commit": .string(record.commit), "port": .integer(Int64(record.port)), "health": health.json,
                "log": .string(record.log), "strategy": .string(record.strategy.rawValue),
            ])
        case .unhealthy(let setback):
            return outcome(setback, name: name)
        }
    }

    private static func outcome(_ setback: Deployer.Setback, name: DeploymentName) -> ActionOutcome {
        var output: JSONObject = [
            "deployment": .string(name.description), "release": .string(setback.release.id),
            "switched": .bool(setback.wasSwitched), "health": ["healthy": false, "problem": .string(setback.problem)],
            "rolled_back_to": setback.serving.map { .string($0.release) } ?? .null,
        ]
        let serving: String
        if let record = setback.serving {
            output["url"] = .string(record.url)
            serving =
                setback.wasSwitched
                ? "; rolled back to \(record.release), which is healthy at \(record.url)"
                : "; \(record.release) goes on serving at \(record.url)"
        } else if let problem = setback.restoreProblem {
            serving = "; going back failed too, nothing serves: \(problem)"
        } else {
            serving = "; there was no healthy release to go back to"
        }
        output["summary"] = .string("\(setback.release.id) is unhealthy\(serving)")
        var outcome = ActionOutcome(status: .failure, output: output)
        outcome.faults = [
            TaskFault(
                code: "DEPLOYMENT_UNHEALTHY",
                message: "The release \(setback.release.id) did not become healthy\(serving). \(setback.problem)",
                retryable: false,
                detail: ["rolled_back_to": output["rolled_back_to"] ?? .null]
            )
        ]
        return outcome
    }
}
