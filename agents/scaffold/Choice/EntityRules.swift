import JSONTools

/// How plain words become entities: the `entities` of `rules.yaml`.
struct EntityRules: Sendable, Hashable {
    /// What an app for something is known to store.
    struct Known: Sendable, Hashable {
        var words: [String]
        var entity: EntityModel
    }

    /// What was read from a text, and why.
    struct Finding: Sendable, Hashable {
        var entity: EntityModel
        /// One line for the log.
        var reason: String
    }

    /// Longest phrase that can be the name of a field, in words.
    static let maxFieldWords = 4
    /// Most fields that are read from a sentence.
    static let maxFields = 12

    /// Between an entity and its fields, longest first.
    var links: [String] = []
    var containers: Set<String> = []
    var known: [Known] = []
    /// Words of stacks, which are neither entities nor fields.
    var technologies: Set<String> = []
    /// Words by the type that they mean.
    var types: [(kind: EntityField.Kind, words: [String])] = []

    static func == (left: EntityRules, right: EntityRules) -> Bool {
        left.links == right.links && left.containers == right.containers && left.known == right.known
            && left.types.elementsEqual(right.types) { $0.kind == $1.kind && $0.words == $1.words }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(known) }
}

extension EntityRules {
    /// Reads the rules.
    ///
    /// - Parameters:
    ///   - value: `entities` of the file.
    ///   - file: its name, for messages.
    /// - Throws: ``TemplateError``.
    init(_ value: JSONValue, file: String) throws(TemplateError) {
        func texts(_ value: JSONValue?) -> [String] { value?.arrayValue?.compactMap(\.stringValue) ?? [] }
        links = texts(value["links"]).sorted { $0.count > $1.count }
        containers = Set(texts(value["containers"]))
        for (name, words) in value["types"]?.objectValue ?? [:] {
            guard let kind = EntityField.Kind(rawValue: name) else {
                throw TemplateError(file: file, message: "entities.types: there is no type \(name)")
            }
            types.append((kind, texts(words)))
        }
        for item in value["known"]?.arrayValue ?? [] {
            let given: JSONValue = ["name": item["entity"] ?? nil, "fields": item["fields"] ?? nil]
            guard let entity = try? EntityRequest.models([given]).first else {
                throw TemplateError(file: file, message: "entities.known: \(item) needs an entity and its fields")
            }
            known.append(Known(words: texts(item["words"]), entity: entity))
        }
    }

    /// The known fields of entities, by name.
    var knownFields: [String: [EntityField]] {
        Dictionary(known.map { ($0.entity.name, $0.entity.fields) }, uniquingKeysWith: { first, _ in first })
    }

    /// The entities of a text: those that it describes with their fields; if there are none, those that it is known for.
    func entities(name: String, requirements: String) -> [Finding] {
        var findings: [Finding] = []
        for sentence in requirements.split(whereSeparator: { ".;!?\n".contains($0) }).prefix(100) {
            for finding in described(String(sentence)) {
                if !findings.contains(where: { $0.entity.name == finding.entity.name }) { findings.append(finding) }
            }
        }
        if !findings.isEmpty { return Array(findings.prefix(EntityModel.maxCount)) }
        let text = Words(name + "\n" + requirements)
        for rule in known {
            guard let word = rule.words.first(where: text.contains) else { continue }
            let fields = rule.entity.fields.map { "\($0.name) (\($0.kind.rawValue))" }.joined(separator: ", ")
            findings.append(
                Finding(
                    entity: rule.entity,
                    reason: "entity \(rule.entity.name): \(word.debugDescription) is known to have \(fields)"))
        }
        return findings
    }

    /// The entities that one sentence describes.
    private func described(_ sentence: String) -> [Finding] {
        var text = " " + sentence.lowercased() + " "
        // "(name, e-mail)" says the same as "with name, e-mail".
        if let open = text.firstIndex(of: "("), let close = text[open...].firstIndex(of: ")") {
            text = text[..<open] + " with " + text[text.index(after: open)..<close] + " "
        }
        // The link that stands last has the fields behind it: "a list with tasks that have a title".
        var best: (link: String, range: Range<String.Index>)?
        for link in links {
            var from = text.startIndex
            while let range = text[from...].firstRange(of: " \(link) ") {
                let isLater = best.map { range.lowerBound > $0.range.lowerBound } ?? true
                let isInside = best.map {
                    range.lowerBound < $0.range.upperBound && range.lowerBound > $0.range.lowerBound
                }
                if isLater, isInside != true { best = (link, range) }
                from = range.upperBound
                if from > text.startIndex { from = text.index(before: from) }
            }
        }
        guard let best, let noun = noun(before: String(text[..<best.range.lowerBound])) else { return [] }
        let fields = fields(in: String(text[best.range.upperBound...]))
        guard !fields.isEmpty, let name = EntityModel.identifier(noun) else { return [] }
        let parts = fields.map { "\($0.name) (\($0.kind.rawValue))" }.joined(separator: ", ")
        let entity = EntityModel(name: name, plural: EntityModel.plural(of: name), fields: fields)
        return [
            Finding(
                entity: entity, reason: "entity \(name): \"… \(noun) … \(best.link) …\" names its fields \(parts)")
        ]
    }

    /// The last word of a text, in the singular; nil when it is none that could be stored: "in Python with Flask" speaks of
    /// no pythons.
    private func noun(before text: String) -> String? {
        var words = Words(text).list
        while let last = words.last, ["who", "that", "which", "each"].contains(last) { words.removeLast() }
        guard let last = words.popLast() else { return nil }
        let word = EntityModel.singular(of: last)
        let isCounted =
            word != last || words.last.map { ["a", "an", "each", "every", "any", "one", "the"].contains($0) } ?? false
        guard isCounted, word.count > 1, word.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
        return [word, last].contains(where: { containers.contains($0) || technologies.contains($0) }) ? nil : word
    }

    /// The fields of "a title, a due date and whether they are done".
    private func fields(in text: String) -> [EntityField] {
        var list = text
        for separator in [" and ", " or ", " as well as ", " plus ", " & ", ":"] {
            list = list.split(separator: separator, omittingEmptySubsequences: false).joined(separator: ",")
        }
        var fields: [EntityField] = []
        for part in list.split(separator: ",") {
            var words = Words(String(part)).list
            let fillers: Set = [
                "a", "an", "the", "its", "their", "his", "her", "optional", "some", "own", "each", "also", "whether",
                "if",
                "they", "it", "is", "are",
            ]
            while let first = words.first, fillers.contains(first) { words.removeFirst() }
            // What follows a preposition says more about the field, and is not its name.
            if let end = words.firstIndex(where: {
                ["of", "for", "in", "on", "by", "to", "when", "so", "that"].contains($0)
            }) {
                words.removeSubrange(end...)
            }
            guard (1...Self.maxFieldWords).contains(words.count),
                let name = EntityModel.identifier(words.joined(separator: " ")), !EntityField.reserved.contains(name),
                !technologies.contains(words.joined(separator: " ")), !fields.contains(where: { $0.name == name })
            else { continue }
            fields.append(EntityField(name: name, kind: kind(of: words), isRequired: false))
            if fields.count == Self.maxFields { break }
        }
        if let first = fields.firstIndex(where: { $0.kind == .string }) { fields[first].isRequired = true }
        return fields
    }

    /// The type that the words of a field's name mean: the whole name first, then its last word, then any of them.
    private func kind(of words: [String]) -> EntityField.Kind {
        let whole = words.joined(separator: " ")
        for candidate in [whole, words.last ?? ""] + words.reversed() {
            if let found = types.first(where: { $0.words.contains(candidate) }) { return found.kind }
        }
        return .string
    }
}
