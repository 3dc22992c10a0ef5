/// What a project is called, made from a name that anybody may have typed.
struct ProjectName: Sendable, Hashable {
    /// For package managers, images and folders: 1 to 60 of `a-z`, `0-9` and `-`, beginning with a letter.
    var slug: String
    /// For people: one line of at most 80 characters; still to be escaped wherever it is put.
    var title: String

    init(_ name: String) {
        let words = name.split(whereSeparator: { $0.isWhitespace || $0 == "-" || $0 == "_" || !$0.isPrintable })
        title = String(words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: " ").prefix(80))
        if title.isEmpty { title = "App" }

        var slug = ""
        for character in name.lowercased() {
            if character.isASCII, character.isLetter || character.isNumber {
                slug.append(character)
            } else if !slug.isEmpty, slug.last != "-" {
                slug.append("-")
            }
        }
        slug = String(slug.prefix(60))
        while slug.last == "-" { slug.removeLast() }
        self.slug = slug.isEmpty ? "app" : slug.first?.isNumber == true ? "app-" + slug : slug
    }
}

extension Character {
    /// Whether it is neither a control character nor one that has no width or turns the direction of the text.
    var isPrintable: Bool {
        unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }
}
