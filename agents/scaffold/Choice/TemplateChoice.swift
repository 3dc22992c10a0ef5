import AgentRuntime
import JSONTools

/// Which template a request gets, and why.
struct TemplateChoice: Sendable, Hashable {
    var stack: StackTemplate
    var feature: FeatureTemplate
    /// The keywords that were found, those of the feature first.
    var matched: [String]
    /// Lines that explain the choice, for the log.
    var reasons: [String]
    /// What somebody should know although there is a template.
    var warnings: [String]
    /// Every option of the stack.
    var options: [String: JSONValue]
    /// What the app stores.
    var entities: [EntityModel]

    /// `node-web/calculator`.
    var name: String { "\(stack.name)/\(feature.name)" }
}

extension TemplateCatalog {
    /// Chooses a stack and a feature by the rules of the templates.
    ///
    /// What the structured input names wins; otherwise the stack and the feature of which the most keywords are found in
    /// name, requirements and structured input.
    ///
    /// - Throws: ``ActionFailure`` `INVALID_INPUT` for a stack, feature or option that doesn't exist, with a suggestion.
    func choose(for request: ProjectRequest) throws -> TemplateChoice {
        var entities = try request.entities.map { try EntityRequest.models($0, known: entityRules.knownFields) } ?? []
        let text = Words(request.name + "\n" + request.requirements)
        var reasons: [String] = []
        var warnings: [String] = []

        let stackMatches = stacks.map { stack in stack.keywords.filter(text.contains) }
        let stack: StackTemplate
        if let name = request.stack {
            stack = try Self.named(name, "stack", in: stacks, \.name)
            reasons.append("stack \(stack.name): named in the input")
        } else {
            let best = Self.most(stackMatches)
            stack = stacks[best ?? 0]
            let why = best.map { "found \(Self.list(stackMatches[$0]))" } ?? "the default, no word named one"
            reasons.append("stack \(stack.name): \(why)")
            for (other, words) in notYet.sorted(by: { $0.key < $1.key }) {
                guard let word = words.first(where: text.contains) else { continue }
                warnings.append(
                    "\(word.debugDescription) asks for \(other), which has no template yet; the app is made with "
                        + "\(stack.name) (\(stack.title)).")
            }
        }

        let featureMatches = stack.features.map { feature in feature.keywords.filter(text.contains) }
        let feature: FeatureTemplate
        var matched = stackMatches[stacks.firstIndex(of: stack) ?? 0]
        if let name = request.feature {
            feature = try Self.named(name, "feature", in: stack.features, \.name)
            reasons.append("template \(stack.name)/\(feature.name): named in the input")
        } else if !entities.isEmpty, let records = stack.entityFeature {
            feature = records
            let names = Self.list(entities.map(\.name))
            reasons.append("template \(stack.name)/\(feature.name): it stores entities, and the input names \(names)")
        } else if let best = Self.most(featureMatches) {
            feature = stack.features[best]
            matched = featureMatches[best] + matched
            reasons.append("template \(stack.name)/\(feature.name): found \(Self.list(featureMatches[best]))")
        } else if let records = stack.entityFeature,
            case let found = entityRules.entities(name: request.name, requirements: request.requirements),
            !found.isEmpty
        {
            feature = records
            entities = found.map(\.entity)
            matched = entities.map(\.name) + matched
            reasons.append("template \(stack.name)/\(feature.name): the words speak of things to store")
            reasons += found.map(\.reason)
        } else {
            feature = stack.fallback
            let isOnly = stack.features.count == 1
            reasons.append(
                "template \(stack.name)/\(feature.name): \(isOnly ? "there is no other" : "no rule matched")")
            if !isOnly { warnings.append("no rule matched; pass --requirements") }
        }
        if !entities.isEmpty, feature.entities == nil {
            warnings.append(
                "\(stack.name)/\(feature.name) stores no entities; \(Self.list(entities.map(\.name))) left out.")
            entities = []
        } else if entities.isEmpty, feature.entities != nil {
            entities = try EntityRequest.models(["item"])
            warnings.append(
                "\(stack.name)/\(feature.name) stores entities and none was named; it is made with \"item\".")
        }
        return TemplateChoice(
            stack: stack,
            feature: feature,
            matched: matched,
            reasons: reasons,
            warnings: warnings,
            options: try Self.options(of: stack, set: request.options),
            entities: entities
        )
    }

    private static func options(
        of stack: StackTemplate, set: [String: JSONValue]
    ) throws -> [String: JSONValue] {
        var options: [String: JSONValue] = [:]
        for option in stack.options { options[option.name] = option.defaultValue }
        for (name, value) in set.sorted(by: { $0.key < $1.key }) {
            let option = try named(name, "option", in: stack.options, \.name)
            let violations = (try? JSONSchema(option.schema).validate(value)) ?? []
            if let first = violations.first {
                let expected = option.schema["type"] == "boolean" ? "true or false" : first.message
                throw EntityRequest.invalid("options.\(name)", expected, value)
            }
            options[name] = value
        }
        return options
    }

    /// The place of the longest list, the first of several; nil when all are empty.
    private static func most(_ lists: [[String]]) -> Int? {
        var best: Int?
        for (index, list) in lists.enumerated() where list.count > best.map({ lists[$0].count }) ?? 0 { best = index }
        return best
    }

    private static func named<Element>(
        _ name: String, _ kind: String, in list: [Element], _ key: (Element) -> String
    ) throws -> Element {
        if let found = list.first(where: { key($0) == name }) { return found }
        let known = list.map(key)
        let hint = closestMatch(name, in: known).map { ", did you mean \($0)?" } ?? "."
        throw ActionFailure(
            code: "INVALID_INPUT",
            message: "There is no \(kind) \(name.debugDescription)\(hint) Known: \(known.joined(separator: ", ")).",
            detail: ["known": .array(known.map { .string($0) })]
        )
    }

    private static func list(_ words: [String]) -> String {
        words.prefix(10).map { $0.debugDescription }.joined(separator: ", ")
    }
}
