public import JSONTools
public import WorkflowCore

/// Reads workflow definitions and checks all their rules at once.
public enum DefinitionParser {
    /// Reads a definition from text.
    ///
    /// - Parameters:
    ///   - text: YAML, or JSON if the file name ends in `.json`; at most 256 KiB.
    ///   - fileName: how messages call the file. It need not resemble the definition's name.
    /// - Returns: the definition with every default filled in.
    /// - Throws: `DefinitionErrors` with everything that is wrong, each with line, column and pointer. Only text that is no
    ///   YAML or JSON at all gives a single fault, as it cannot be read any further.
    public static func parse(text: String, fileName: String) throws(DefinitionErrors) -> WorkflowDefinition {
        let size = text.utf8.count
        let start = SourcePosition(line: 1, column: 1)
        guard size <= DefinitionLimits.fileBytes else {
            throw DefinitionErrors(
                fileName: fileName, position: start,
                message: "found a file of \(size) bytes; expected at most \(DefinitionLimits.fileBytes)")
        }
        let isJSON = fileName.hasSuffix(".json")
        let root =
            isJSON
            ? try JSONPlaces.read(text, fileName: fileName) : try YAMLReader.read(text, fileName: fileName)
        guard let root else {
            throw DefinitionErrors(
                fileName: fileName, position: start,
                message: "found nothing; expected a definition with the fields name and stages")
        }
        return try definition(from: root, text: text, fileName: fileName)
    }

    /// Reads a definition from a JSON value, as an API receives it.
    ///
    /// - Parameters:
    ///   - value: the definition.
    ///   - name: how messages call it.
    /// - Returns: the definition with every default filled in.
    /// - Throws: `DefinitionErrors` with everything that is wrong. The faults have pointers; their lines and columns are 0.
    public static func parse(value: JSONValue, name: String) throws(DefinitionErrors) -> WorkflowDefinition {
        try definition(from: SourceNode(unplaced: value), text: "", fileName: name)
    }

    /// The value of a YAML text, whatever it describes.
    ///
    /// - Returns: the only document of the text; nil if it holds none.
    /// - Throws: `DefinitionErrors` with everything for which it can't be read.
    package static func value(ofYAML text: String, fileName: String) throws(DefinitionErrors) -> JSONValue? {
        try YAMLReader.read(text, fileName: fileName)?.value
    }

    private static func definition(
        from root: SourceNode, text: String, fileName: String
    ) throws(DefinitionErrors) -> WorkflowDefinition {
        var reader = DefinitionReader(text: text)
        let definition = reader.read(root)
        guard let definition else {
            throw DefinitionErrors(fileName: fileName, faults: reader.faults.faults)
        }
        return definition
    }
}

extension DefinitionErrors {
    /// The error for a single fault of a whole file.
    init(fileName: String, position: SourcePosition, message: String) {
        self.init(
            fileName: fileName, faults: [DefinitionFault(position: position, pointer: .root, message: message)])
    }
}
