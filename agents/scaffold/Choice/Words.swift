/// The words of a text, in order, as keywords are compared with them.
struct Words: Sendable, Hashable {
    /// Lower case; letters and digits, and within a word the signs `.`, `+` and `#` (node.js, c++, c#).
    private(set) var list: [String]

    /// - Parameter text: any text; a name such as `calculatorApp` or `calculator-app` is two words.
    init(_ text: String) {
        list = []
        var word = ""
        var former: Character = " "
        for character in text {
            let isStart = character.isUppercase && (former.isLowercase || former.isNumber)
            if isStart || !(character.isLetter || character.isNumber || ".+#'".contains(character)) {
                finish(&word)
            }
            if character.isLetter || character.isNumber || ".+#'".contains(character) { word.append(character) }
            former = character
        }
        finish(&word)
    }

    /// Whether all words of a keyword stand in the text one after the other.
    func contains(_ keyword: String) -> Bool {
        let wanted = Words(keyword).list
        guard let first = wanted.first, wanted.count <= list.count else { return false }
        for start in 0...(list.count - wanted.count) where list[start] == first {
            if list[start..<start + wanted.count].elementsEqual(wanted) { return true }
        }
        return false
    }

    private mutating func finish(_ word: inout String) {
        // A full stop or an apostrophe at an end of a word is punctuation; one inside belongs to it.
        let core = word.drop { ".'".contains($0) }
        let trimmed = core.reversed().drop { ".'".contains($0) }.reversed()
        if !trimmed.isEmpty { list.append(String(trimmed).lowercased()) }
        word = ""
    }
}
