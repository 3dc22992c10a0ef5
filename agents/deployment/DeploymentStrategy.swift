import AgentRuntime
import JSONTools

/// How a new release takes the place of the one before.
enum DeploymentStrategy: String, Sendable, Hashable, CaseIterable {
    /// The old one is stopped, the new one started at the same port: requests in between fail.
    case recreate
    /// Both run; a reverse proxy sends every request to the new one from one moment on, and back if it turns unhealthy.
    case blueGreen = "blue_green"
    /// Both run; a reverse proxy sends the new one a growing part of the requests.
    case canary

    /// Whether a reverse proxy answers at the deployment's port.
    var isProxied: Bool {
        switch self {
        case .recreate: false
        case .blueGreen, .canary: true
        }
    }

    static let schema: JSONValue = [
        "type": ["string", "null"], "enum": ["recreate", "blue_green", "canary", nil],
        "description": .string(
            "How a release takes the place of the one before: recreate stops the old one first; blue_green and canary keep "
                + "both behind HAProxy and lose no request. As it was before if absent, at first recreate."),
    ]
}

/// How a release is looked at after the switch, before the old one is stopped.
struct ReleaseWatch: Sendable, Hashable {
    /// How long, in seconds, after the switch and after each step of a canary.
    var seconds: Double
    /// Percentages of the requests that a canary gets, one step after the other, before it gets all.
    var steps: [Int]
    /// More answers than this with a status of 500 or above are too many, in percent.
    var maxErrorPercent: Double

    /// Members of the input.
    static let schema: JSONObject = [
        "watch_seconds": [
            "type": "number", "minimum": 0, "maximum": 600, "default": 5,
            "description":
                "How long the old release is kept after the switch (and after each step of a canary), to go back to.",
        ],
        "canary_percent": [
            "type": "array", "items": ["type": "integer", "minimum": 1, "maximum": 99], "maxItems": 10,
            "default": [10, 50],
            "description": "The parts of the requests that a canary gets, step by step, before it gets all.",
        ],
        "max_error_percent": [
            "type": "number", "minimum": 0, "maximum": 100, "default": 5,
            "description": "With more answers of status 500 and above than this, the new release is unhealthy.",
        ],
    ]

    init(_ input: JSONValue) {
        seconds = input["watch_seconds"]?.doubleValue ?? 5
        steps = input["canary_percent"]?.arrayValue?.compactMap(\.intValue) ?? [10, 50]
        maxErrorPercent = input["max_error_percent"]?.doubleValue ?? 5
    }
}
