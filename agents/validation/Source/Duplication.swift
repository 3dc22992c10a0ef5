/// Lines of code that stand in several places.
struct Duplication: Sendable {
    /// The same lines in two places.
    struct Block: Sendable, Hashable {
        var file: String
        /// From 1.
        var line: Int
        var otherFile: String
        var otherLine: Int
        /// How many lines of code.
        var length: Int
    }

    /// So many lines of code in a row have to be the same.
    static let window = 10

    private(set) var blocks: [Block] = []
    private(set) var codeLines = 0
    private(set) var duplicatedLines = 0

    /// Percent, 0...100.
    var percent: Double { codeLines == 0 ? 0 : Double(duplicatedLines) / Double(codeLines) * 100 }

    /// - Parameter sources: the files, by their paths, in order.
    init(_ sources: [(path: String, text: SourceText)]) {
        let files = sources.map { source in
            (path: source.path, lines: Self.meaningful(source.text))
        }
        var seen: [[String]: (file: Int, place: Int)] = [:]
        for (number, file) in files.enumerated() {
            codeLines += file.lines.count
            var place = 0
            var counted = 0
            while place + Self.window <= file.lines.count {
                let key = file.lines[place..<(place + Self.window)].map(\.text)
                guard let other = seen[key], other.file != number || other.place + Self.window <= place else {
                    if seen[key] == nil { seen[key] = (number, place) }
                    place += 1
                    continue
                }
                let length = Self.common(file.lines, place, files[other.file].lines, other.place)
                blocks.append(
                    Block(
                        file: file.path, line: file.lines[place].number, otherFile: files[other.file].path,
                        otherLine: files[other.file].lines[other.place].number, length: length))
                duplicatedLines += place + length - max(place, counted)
                place += length
                counted = place
            }
        }
    }

    private static func common(
        _ first: [(number: Int, text: String)], _ start: Int, _ second: [(number: Int, text: String)], _ other: Int
    ) -> Int {
        var length = 0
        while start + length < first.count, other + length < second.count,
            first[start + length].text == second[other + length].text
        {
            length += 1
        }
        return length
    }

    /// Lines that say something: no brackets alone, no imports.
    private static func meaningful(_ text: SourceText) -> [(number: Int, text: String)] {
        text.lines.enumerated().compactMap { index, line in
            let content = line.filter { $0 != " " && $0 != "\t" && $0 != "\r" }
            let isEmpty = content.allSatisfy { "{}()[];,\"".contains($0) }
            let isImport = ["import", "from", "#include", "using", "package"].contains { content.hasPrefix($0) }
            return isEmpty || isImport ? nil : (index + 1, content)
        }
    }
}
