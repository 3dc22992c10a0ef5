/// Versions that are pinned in Python's lists of requirements: `name==1.2.3`, also within `pyproject.toml`.
enum PythonPins {
    struct Pin: Sendable, Hashable {
        /// In the form in which names are compared.
        var name: String
        var version: PackageVersion
    }

    /// A name as PEP 503 compares it.
    static func normal(_ name: String) -> String {
        var result = ""
        for character in name.lowercased() {
            let plain: Character = "._".contains(character) ? "-" : character
            if plain == "-", result.hasSuffix("-") { continue }
            result.append(plain)
        }
        return result
    }

    /// The pins in a text, in their order. Those with a digest are left out: another version has another one.
    static func pins(in text: String) -> [Pin] {
        text.split(whereSeparator: \.isNewline).flatMap { line -> [Pin] in
            matches(line).compactMap { match in
                PackageVersion(String(match.version)).map { Pin(name: normal(String(match.name)), version: $0) }
            }
        }
    }

    /// The lines that say where packages come from.
    static func sources(in text: String) -> [String] {
        let known = ["-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"]
        return text.split(whereSeparator: \.isNewline).map(String.init).filter { line in
            known.contains { line == $0 || line.hasPrefix($0 + " ") || line.hasPrefix($0 + "=") }
        }
    }

    /// The text with another version of one package.
    static func replacing(_ name: String, with version: String, in text: String) -> String {
        var result = text
        // From the end on, so that the places before stay where they are.
        for match in text.split(separator: "\n").flatMap(matches).reversed() where normal(String(match.name)) == name {
            result.replaceSubrange(match.version.startIndex..<match.version.endIndex, with: version)
        }
        return result
    }

    private static func matches(_ line: Substring) -> [(name: Substring, version: Substring)] {
        guard !line.contains("--hash"), line.first(where: { !$0.isWhitespace }) != "#" else { return [] }
        let pattern = /(?:^|["'\s])([A-Za-z0-9][A-Za-z0-9._\-]*)(?:\[[^\]]*\])?\s*==\s*([0-9][0-9.]*)(?=$|["'\s;,#])/
        return line.matches(of: pattern).map { ($0.1, $0.2) }
    }
}
