import AgentRuntime
import JSONTools
import ProjectTools

/// What will be made, decided by `initialization` and carried out by `scaffolding`.
struct ProjectPlan: Sendable, Hashable {
    /// Where the plan is kept in a project.
    static let path = ".baton/plan.json"

    var name: ProjectName
    /// One line of at most 200 characters; still to be escaped wherever it is put.
    var description: String
    var requirements: String
    var stack: String
    var feature: String
    /// Version of the stack's template.
    var templateVersion: Int
    var options: [String: JSONValue]
    /// What the app stores.
    var entities: [EntityModel] = []
    /// Where the template is from; nil when it is Baton's own.
    var source: TemplateSource?
    var matched: [String]
    /// For the licence.
    var year: Int

    /// `node-web/calculator`.
    var template: String { "\(stack)/\(feature)" }
}

extension ProjectPlan {
    /// The plan for a request that a template was chosen for.
    ///
    /// - Parameter date: when the task was made, so that the same task makes the same plan.
    init(_ request: ProjectRequest, _ choice: TemplateChoice, at date: Timestamp) {
        name = ProjectName(request.name)
        description = Self.firstSentence(of: request.requirements) ?? choice.feature.description
        requirements = request.requirements
        stack = choice.stack.name
        feature = choice.feature.name
        templateVersion = choice.stack.version
        options = choice.options
        entities = choice.entities
        matched = choice.matched
        year = Int(date.description.prefix(4)) ?? 2000
    }

    /// The first sentence of a text on one line, at most 200 characters; nil when there is none.
    static func firstSentence(of text: String) -> String? {
        let plain = String(text.map { $0.isPrintable ? $0 : " " })
        let words = plain.split(whereSeparator: \.isWhitespace)
        var sentence = ""
        for word in words {
            if sentence.count + word.count > 197 {
                sentence += sentence.isEmpty ? word.prefix(198) + "…" : " …"
                break
            }
            sentence += (sentence.isEmpty ? "" : " ") + word
            if let last = word.last, ".!?".contains(last), sentence.count > 20 { break }
        }
        return sentence.isEmpty ? nil : sentence
    }

    /// The plan as it is kept in the project.
    var json: JSONObject {
        var object = facts
        object["requirements"] = .string(requirements)
        return object
    }

    /// The plan without the requirements, which may be long.
    var facts: JSONObject {
        var facts: JSONObject = [
            "version": 1, "name": .string(name.slug), "title": .string(name.title),
            "description": .string(description), "stack": .string(stack), "feature": .string(feature),
            "template": .string(template), "template_version": .integer(Int64(templateVersion)),
            "options": .object(JSONObject(options.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })),
            "matched": .array(matched.map { .string($0) }), "year": .integer(Int64(year)),
        ]
        if !entities.isEmpty { facts["entities"] = .array(entities.map { .object($0.json) }) }
        if let source { facts["template_source"] = .object(source.json) }
        return facts
    }

    /// Reads the plan of a workspace.
    ///
    /// - Returns: nil when there is none.
    /// - Throws: ``ActionFailure`` `INVALID_PLAN` for one that isn't as `initialization` writes it.
    static func load(from workspace: Workspace) throws -> ProjectPlan? {
        guard let bytes = SmallFile.read(try workspace.resolve(path)) else { return nil }
        guard let json = try? JSONValue(parsing: bytes), let plan = ProjectPlan(json: json) else {
            throw ActionFailure(code: "INVALID_PLAN", message: "\(path) is not a plan that initialization wrote.")
        }
        return plan
    }

    init?(json: JSONValue) {
        guard json["version"] == 1, let slug = json["name"]?.stringValue, let title = json["title"]?.stringValue,
            let description = json["description"]?.stringValue, let stack = json["stack"]?.stringValue,
            let feature = json["feature"]?.stringValue, let version = json["template_version"]?.intValue,
            let year = json["year"]?.intValue
        else { return nil }
        // The slug goes into generated files as it is, so it is made anew rather than believed.
        name = ProjectName(slug)
        name.title = title
        self.description = description
        requirements = json["requirements"]?.stringValue ?? ""
        self.stack = stack
        self.feature = feature
        templateVersion = version
        options = [:]
        for (key, value) in json["options"]?.objectValue ?? [:] { options[key] = value }
        entities = []
        if let given = json["template_source"], given != .null {
            guard let read = TemplateSource(json: given) else { return nil }
            source = read
        }
        for value in json["entities"]?.arrayValue ?? [] {
            guard let entity = EntityModel(json: value) else { return nil }
            entities.append(entity)
        }
        matched = json["matched"]?.arrayValue?.compactMap(\.stringValue) ?? []
        self.year = year
    }
}
