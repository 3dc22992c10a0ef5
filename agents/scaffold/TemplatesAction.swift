import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `templates`: what projects can be made from, for people and programs that want to choose.
struct TemplatesAction: AgentAction {
    let description = ActionDescription(
        name: "templates",
        inputSchema: [
            "type": "object",
            "properties": [
                "template": [
                    "type": ["string", "null"], "description": "Templates of one's own: a folder or a git URL.",
                ]
            ],
        ],
        workspace: .none,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let given = try TemplateSource.given(context.input["template"])
        let source = given ?? TemplateSource(location: context.shareDirectory + "/templates")
        let catalog = try await source.open(context).catalog
        return ActionOutcome(output: [
            "summary": .string("\(catalog.stacks.count) \(catalog.stacks.count == 1 ? "stack" : "stacks")"),
            "templates": .array(catalog.stacks.map(Self.json)),
        ])
    }

    private static func json(_ stack: StackTemplate) -> JSONValue {
        let options = stack.options.map { option -> (String, JSONValue) in
            var schema = option.schema.objectValue ?? [:]
            schema["description"] = .string(option.description)
            return (option.name, .object(schema))
        }
        return [
            "stack": .string(stack.name), "title": .string(stack.title), "version": .integer(Int64(stack.version)),
            "keywords": .array(stack.keywords.map { .string($0) }),
            "options": .object(JSONObject(options)),
            "features": .array(
                stack.features.map { feature in
                    [
                        "feature": .string(feature.name), "summary": .string(feature.summary),
                        "keywords": .array(feature.keywords.map { .string($0) }),
                        "stores_entities": .bool(feature.entities != nil),
                    ]
                }),
        ]
    }
}
