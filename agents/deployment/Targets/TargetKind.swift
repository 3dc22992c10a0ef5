import AgentRuntime
import JSONTools

/// What an app is deployed to.
enum TargetKind: String, Sendable, Hashable, CaseIterable {
    /// A process of this machine.
    case process
    /// A container of one Docker engine.
    case docker
    /// The services of the project's compose file, on one Docker engine.
    case compose
    /// A Deployment of a Kubernetes cluster.
    case kubernetes
    /// A service of Amazon ECS.
    case ecs

    /// How long a release may take until it is healthy if nobody says otherwise, in seconds.
    var usualHealthSeconds: Double {
        switch self {
        case .process: 30
        case .docker, .compose: 60
        case .kubernetes, .ecs: 300
        }
    }

    static let schema: JSONValue = [
        "type": "string", "default": "process",
        "description":
            "Where it runs: process (on this machine), or docker, compose, kubernetes, ecs by their command-line tools.",
    ]

    /// - Throws: ``ActionFailure`` `TARGET_NOT_SUPPORTED` naming those there are.
    init(_ input: JSONValue) throws {
        let wanted = input["target"]?.stringValue ?? "process"
        guard let kind = TargetKind(rawValue: wanted) else {
            let names = Self.allCases.map(\.rawValue)
            throw ActionFailure(
                code: "TARGET_NOT_SUPPORTED",
                message: "There is no deployment target \(wanted.debugDescription); there are "
                    + names.joined(separator: ", ") + ".",
                detail: ["target": .string(wanted), "supported": .array(names.map { .string($0) })]
            )
        }
        self = kind
    }
}
