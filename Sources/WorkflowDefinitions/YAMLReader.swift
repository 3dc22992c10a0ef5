import JSONTools
import Yams

/// Turns YAML text into values with places.
///
/// Plain scalars mean what the core schema of YAML 1.2 says (so `yes` and `on` are texts, not booleans). Anchors,
/// aliases, merge keys and tags are refused: they are not needed for definitions, and a few nested aliases can stand for
/// more values than there is memory.
struct YAMLReader {
    private var faults = FaultList()

    /// Reads a text.
    ///
    /// - Returns: the only document of the text, or nil if it holds none.
    /// - Throws: the faults that were found.
    static func read(_ text: String, fileName: String) throws(DefinitionErrors) -> SourceNode? {
        var reader = YAMLReader()
        var root: SourceNode?
        // Found before the YAML library sees the text, because the library would copy what aliases stand for.
        if let alias = YAMLAlias.first(in: text) {
            reader.faults.add(
                SourcePosition(line: alias.line, column: alias.column), .root,
                "found the alias '*\(alias.name)'; anchors and aliases are not supported: repeat the value")
        } else {
            do {
                // The basic resolver leaves scalars alone, so that the meaning of plain ones is decided here.
                root = try compose(yaml: text, .basic).map { reader.node($0, at: .root) }
            } catch let error as YamlError {
                let (position, message) = place(of: error, in: text)
                reader.faults.add(position, .root, message)
            } catch {
                reader.faults.add(SourcePosition(line: 1, column: 1), .root, "found no YAML: \(error)")
            }
        }
        guard reader.faults.faults.isEmpty else {
            throw DefinitionErrors(fileName: fileName, faults: reader.faults.faults)
        }
        return root
    }

    // MARK: Nodes

    private mutating func node(_ node: Node, at pointer: JSONPointer) -> SourceNode {
        let position = Self.position(node.mark)
        guard pointer.tokens.count <= 64 else {
            faults.add(position, pointer, "found values nested beyond 64 levels; expected fewer")
            return SourceNode(position: position, content: .scalar(.null))
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(position: position, content: .scalar(value(of: scalar, position, pointer)))
        case .sequence(let sequence):
            var elements: [SourceNode] = []
            for element in sequence { elements.append(self.node(element, at: pointer.appending(elements.count))) }
            return SourceNode(position: position, content: .sequence(elements))
        case .mapping(let mapping):
            var members: [SourceMember] = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    faults.add(Self.position(key.mark), pointer, "found a list or mapping as key; expected a name")
                    continue
                }
                if name == "<<" {
                    faults.add(Self.position(key.mark), pointer, "found '<<'; merge keys are not supported")
                }
                let value = self.node(value, at: pointer.appending(name))
                members.append(SourceMember(key: name, position: Self.position(key.mark), value: value))
            }
            return SourceNode(position: position, content: .mapping(members))
        case .alias:
            faults.add(position, pointer, "found an alias; anchors and aliases are not supported: repeat the value")
            return SourceNode(position: position, content: .scalar(.null))
        }
    }

    private mutating func value(
        of scalar: Node.Scalar, _ position: SourcePosition, _ pointer: JSONPointer
    ) -> JSONValue {
        let tag = scalar.tag.description
        if scalar.style == .plain, tag.isEmpty {
            guard let value = PlainScalar.value(of: scalar.string) else {
                faults.add(position, pointer, "found the number '\(scalar.string)'; expected one that JSON can express")
                return .null
            }
            return value
        }
        if ![Tag.Name.str.rawValue, Tag.Name.nonSpecific.rawValue, ""].contains(tag) {
            faults.add(position, pointer, "found the tag '\(tag)'; tags are not supported, except !!str")
        }
        return .string(PlainScalar.cleaned(scalar.string))
    }

    private static func position(_ mark: Mark?) -> SourcePosition {
        mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? .unknown
    }

    // MARK: Faults of the text

    private static func place(of error: YamlError, in text: String) -> (SourcePosition, String) {
        let start = SourcePosition(line: 1, column: 1)
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let what = [context.map { $0.text.trimmingSpaces }, problem.trimmingSpaces].compactMap { $0 }
            return (position(mark), "this is not YAML: \(what.joined(separator: ", "))")
        case .reader(let problem, let offset, _, _):
            let position = offset.map { Self.position(ofCharacter: $0, in: text) } ?? start
            return (position, "this is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            return (position(context.mark), "found \(names) more than once in a mapping; expected each key once")
        case .memory, .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return (start, "this cannot be read as YAML")
        }
    }

    private static func position(ofCharacter offset: Int, in text: String) -> SourcePosition {
        var position = SourcePosition(line: 1, column: 1)
        for character in text.prefix(offset) {
            if character.isNewline {
                position = SourcePosition(line: position.line + 1, column: 1)
            } else {
                position.column += character.unicodeScalars.count
            }
        }
        return position
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var characters = self[...]
        while characters.last?.isWhitespace == true { characters.removeLast() }
        while characters.first?.isWhitespace == true { characters.removeFirst() }
        return String(characters)
    }
}
