import AgentProtocol
import JSONTestSupport
import JSONTools
import Testing

/// docs/protocol and the Swift types say the same, judged by PyPI's `jsonschema`.
@Suite struct PublishedSchemaTests {
    @Test(arguments: PublishedSchema.all)
    func `what Swift writes is valid, and has the fields that the schema names`(schema: PublishedSchema) throws {
        let root = try schema.load()
        let instances = try schema.instances.map { try JSONValue(parsing: $0) }
        let verdicts = try PythonJSONSchema.verdicts(of: root, instances)
        #expect(verdicts.allSatisfy { $0 }, "\(zip(verdicts, instances).filter { !$0.0 }.map(\.1))")
        for place in try schema.places(of: #require(instances.first)) {
            #expect(place.instanceKeys == place.schemaKeys, "at /\(place.path.joined(separator: "/"))")
        }
    }

    @Test(arguments: ["envelope.json", "result.json", "signals.json", "control.json", "log-batch.json"])
    func `every example is valid and is decoded by Swift`(file: String) throws {
        let schemas = PublishedSchema.all.filter { $0.file == file }
        let schema = try #require(schemas.first)
        let root = try schema.load()
        let examples = try #require(root["examples"]?.arrayValue)
        #expect(examples.count >= schemas.count, "an example a kind")
        #expect(try PythonJSONSchema.verdicts(of: root, examples).allSatisfy { $0 })
        for example in examples { #expect(schema.refusal(example.encoded()) == nil, "\(example)") }
        let kinds = Set(examples.compactMap { $0["kind"]?.stringValue })
        #expect(Set(schemas.compactMap(\.kind)).isSubset(of: kinds))
    }

    @Test(arguments: PublishedSchema.all)
    func `a field that is taken away or null is refused by both or by neither`(schema: PublishedSchema) throws {
        try compare(schema, with: [nil, .null]) { error, path in
            // An element that is taken away leaves a shorter list, which is no missing field.
            #expect(error.pointer.tokens == path)
            #expect(path.last.flatMap(Int.init) != nil || error.code == .missingField, "\(error)")
        }
    }

    @Test(arguments: PublishedSchema.all)
    func `a field of another type or value is refused by both or by neither`(schema: PublishedSchema) throws {
        let long = JSONValue.string(String(repeating: "y", count: 600))
        let tooLong = JSONValue.string(String(repeating: "y", count: 17_000))
        let values: [JSONValue?] = [
            true, 0, 7, 7.0, -1, 1.5, 1e300, 2_000_000_000, "", "x", "-x", "not a name", "3.0.0", "2.0", "2.7.1",
            "0A==",
            "2026-09-21T14:13:20+02:00", "01997D2B-8f41-7a10-9c3e-5b0c6f2d1a01", long, tooLong, [], [[]], [[:]], ["x"],
            [:],
            ["a": 1], .array(Array(repeating: "x", count: 1025)),
        ]
        try compare(schema, with: values) { error, path in
            #expect(error.pointer.tokens.starts(with: path), "\(error)")
            let codes: [ProtocolError.Code] = [
                .wrongType, .invalidValue, .missingField, .unsupportedVersion, .unknownKind,
            ]
            #expect(codes.contains(error.code), "\(error)")
        }
    }

    /// Puts each of `replacements` at every place of the full message and compares the verdicts.
    private func compare(
        _ schema: PublishedSchema, with replacements: [JSONValue?], check: (ProtocolError, [String]) -> Void
    ) throws {
        let root = try schema.load()
        let full = try JSONValue(parsing: #require(schema.instances.first))
        var cases: [(path: [String], instance: JSONValue, replacement: JSONValue?)] = []
        for place in try schema.places(of: full) where !place.path.isEmpty {
            for replacement in replacements {
                let mutated = try #require(full.replacing(place.path[...], by: replacement))
                cases.append((place.path, mutated, replacement))
            }
        }
        let verdicts = try PythonJSONSchema.verdicts(of: root, cases.map(\.instance))
        var refused = 0
        for (mutation, isValid) in zip(cases, verdicts) {
            let error = schema.refusal(mutation.instance.encoded())
            if isValid != (error == nil) {
                let what = mutation.replacement.map { "replaced by \($0.description.prefix(60))" } ?? "taken away"
                let reason = error.map { $0.description } ?? "accepts it"
                Issue.record("/\(mutation.path.joined(separator: "/")) \(what): schema \(isValid), Swift: \(reason)")
            } else if let error {
                refused += 1
                check(error, mutation.path)
            }
        }
        #expect(refused > 0)
    }
}
