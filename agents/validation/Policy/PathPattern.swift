/// A pattern of paths, in which `*` stands for any characters, slashes too.
struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    let description: String
    private let pattern: [Character]

    init(_ text: String) {
        description = text
        pattern = Array(text)
    }

    /// Linear matching: on a mismatch the last star takes one character more.
    func matches(_ path: String) -> Bool {
        let text = Array(path)
        var place = text.startIndex
        var wanted = pattern.startIndex
        var star: (pattern: Int, text: Int)?
        while place < text.endIndex {
            if wanted < pattern.endIndex, pattern[wanted] == "*" {
                star = (wanted + 1, place)
                wanted += 1
            } else if wanted < pattern.endIndex, pattern[wanted] == text[place] {
                wanted += 1
                place += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                wanted = last.pattern
                place = last.text + 1
            } else {
                return false
            }
        }
        return pattern[wanted...].allSatisfy { $0 == "*" }
    }
}
