import JSONTools
import ProjectTools

/// The section `e2e` of a manifest: what a project says about its browser tests.
struct E2EPlan: Sendable, Hashable {
    /// An API request and what it must answer.
    struct Endpoint: Sendable, Hashable {
        var method: String
        var path: String
        var body: JSONValue?
        var status: Int
        /// Members that the answer must contain.
        var json: JSONValue?
        /// Text that the answer must contain.
        var text: String?
    }

    /// A walk through the pages.
    struct Scenario: Sendable, Hashable {
        var name: String
        var steps: [E2EStep]
        /// Whether console errors and refused requests are part of it.
        var allowsErrors: Bool
    }

    static let maxEntries = 100

    var pages: [String] = []
    var ignore: [String] = []
    var endpoints: [Endpoint] = []
    var scenarios: [Scenario] = []
}

extension E2EPlan {
    /// Reads the section of a manifest; without one the plan is empty.
    init(_ manifest: ProjectManifest) throws(ManifestError) {
        self.init()
        guard let json = manifest.json["e2e"] else { return }
        let section = try Self.object(json, at: "/e2e", members: ["pages", "ignore", "endpoints", "scenarios"])
        for (index, value) in try Self.list(section["pages"], at: "/e2e/pages").enumerated() {
            pages.append(try Self.path(value, at: "/e2e/pages/\(index)"))
        }
        for (index, value) in try Self.list(section["ignore"], at: "/e2e/ignore").enumerated() {
            ignore.append(try Self.path(value, at: "/e2e/ignore/\(index)"))
        }
        for (index, value) in try Self.list(section["endpoints"], at: "/e2e/endpoints").enumerated() {
            endpoints.append(try Self.endpoint(value, at: "/e2e/endpoints/\(index)"))
        }
        for (index, value) in try Self.list(section["scenarios"], at: "/e2e/scenarios").enumerated() {
            let scenario = try Self.scenario(value, at: "/e2e/scenarios/\(index)")
            guard !scenarios.contains(where: { $0.name == scenario.name }) else {
                throw ManifestError(
                    pointer: "/e2e/scenarios/\(index)/name", expected: "a name of its own",
                    found: .string(scenario.name))
            }
            scenarios.append(scenario)
        }
    }

    private static func endpoint(_ json: JSONValue, at pointer: String) throws(ManifestError) -> Endpoint {
        let object = try object(json, at: pointer, members: ["method", "path", "body", "status", "json", "text"])
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
        let method = try optionalText(object["method"], at: pointer + "/method") ?? "GET"
        guard methods.contains(method) else {
            throw ManifestError(
                pointer: pointer + "/method", expected: "one of \(methods.joined(separator: ", "))",
                found: object["method"])
        }
        let status = object["status"] ?? 200
        guard let code = status.intValue, (100...599).contains(code) else {
            throw ManifestError(pointer: pointer + "/status", expected: "a status from 100 to 599", found: status)
        }
        return Endpoint(
            method: method,
            path: try path(object["path"], at: pointer + "/path"),
            body: object["body"],
            status: code,
            json: object["json"],
            text: try optionalText(object["text"], at: pointer + "/text")
        )
    }

    private static func scenario(_ json: JSONValue, at pointer: String) throws(ManifestError) -> Scenario {
        let object = try object(json, at: pointer, members: ["name", "steps", "allow_errors"])
        var steps: [E2EStep] = []
        for (index, value) in try list(object["steps"], at: pointer + "/steps").enumerated() {
            steps.append(try step(value, at: "\(pointer)/steps/\(index)"))
        }
        guard !steps.isEmpty else {
            throw ManifestError(pointer: pointer + "/steps", expected: "at least one step", found: object["steps"])
        }
        let name = try text(object["name"], at: pointer + "/name")
        guard name.utf8.count <= 200 else {
            throw ManifestError(pointer: pointer + "/name", expected: "at most 200 bytes", found: object["name"])
        }
        return Scenario(
            name: name,
            steps: steps,
            allowsErrors: try flag(object["allow_errors"], at: pointer + "/allow_errors")
        )
    }

    static func step(_ json: JSONValue, at pointer: String) throws(ManifestError) -> E2EStep {
        let verbs = json.objectValue?.keys.compactMap(E2EStep.Verb.init(rawValue:)) ?? []
        guard verbs.count == 1, let verb = verbs.first else {
            let names = E2EStep.Verb.allCases.map(\.rawValue).joined(separator: ", ")
            throw ManifestError(pointer: pointer, expected: "an object with exactly one of \(names)", found: json)
        }
        var members = [verb.rawValue]
        switch verb.companion {
        case .none: break
        case .text, .count: members.append("value")
        case .textMaybeExact: members += ["value", "exact"]
        case .place: members.append("on")
        }
        let object = try object(json, at: pointer, members: members)
        let subject = try text(object[verb.rawValue], at: "\(pointer)/\(verb.rawValue)")
        if verb.takesPath { _ = try path(object[verb.rawValue], at: "\(pointer)/\(verb.rawValue)") }
        var step = E2EStep(verb: verb, subject: subject)
        switch verb.companion {
        case .none:
            break
        case .text, .textMaybeExact:
            guard let value = object["value"]?.stringValue else {
                throw ManifestError(pointer: pointer + "/value", expected: "a text", found: object["value"])
            }
            step.value = value
            step.exact = try flag(object["exact"], at: pointer + "/exact")
        case .count:
            guard let count = object["value"]?.intValue, (0...10_000).contains(count) else {
                throw ManifestError(
                    pointer: pointer + "/value", expected: "a number from 0 to 10000", found: object["value"])
            }
            step.count = count
        case .place:
            step.place = try optionalText(object["on"], at: pointer + "/on")
        }
        return step
    }
}

extension E2EPlan {
    private static func object(
        _ json: JSONValue,
        at pointer: String,
        members: [String]
    ) throws(ManifestError) -> JSONObject {
        guard let object = json.objectValue else {
            throw ManifestError(pointer: pointer, expected: "an object", found: json)
        }
        for key in object.keys where !members.contains(key) {
            let hint = closestMatch(key, in: members).map { ", did you mean \($0)?" } ?? ""
            throw ManifestError(
                pointer: "\(pointer)/\(key)",
                expected: "no member of this name (known here: \(members.joined(separator: ", "))\(hint))",
                found: object[key]
            )
        }
        return object
    }

    private static func list(_ json: JSONValue?, at pointer: String) throws(ManifestError) -> [JSONValue] {
        guard let json else { return [] }
        guard let list = json.arrayValue, list.count <= maxEntries else {
            throw ManifestError(pointer: pointer, expected: "a list of at most \(maxEntries)", found: json)
        }
        return list
    }

    private static func text(_ json: JSONValue?, at pointer: String) throws(ManifestError) -> String {
        guard let text = json?.stringValue, !text.isEmpty else {
            throw ManifestError(pointer: pointer, expected: "a text", found: json)
        }
        return text
    }

    private static func optionalText(_ json: JSONValue?, at pointer: String) throws(ManifestError) -> String? {
        json == nil ? nil : try text(json, at: pointer)
    }

    private static func flag(_ json: JSONValue?, at pointer: String) throws(ManifestError) -> Bool {
        guard let json else { return false }
        guard let flag = json.boolValue else {
            throw ManifestError(pointer: pointer, expected: "true or false", found: json)
        }
        return flag
    }

    private static func path(_ json: JSONValue?, at pointer: String) throws(ManifestError) -> String {
        let path = try text(json, at: pointer)
        guard ProjectManifest.isRequestPath(path) else {
            throw ManifestError(
                pointer: pointer, expected: "a path that starts with a slash, without spaces", found: json)
        }
        return path
    }
}
