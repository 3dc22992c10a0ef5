import JSONTools

extension JSONValue {
    /// A scalar as it stands inside text; nil for null, lists and objects.
    var renderedScalar: String? {
        switch self {
        case .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number: description
        case .null, .array, .object: nil
        }
    }

    /// About the length of the value's JSON in bytes; the count stops when it goes beyond a limit.
    func approximateSize(upTo limit: Int) -> Int {
        var size = 0
        addSize(to: &size, limit: limit)
        return size
    }

    private func addSize(to size: inout Int, limit: Int) {
        guard size <= limit else { return }
        switch self {
        case .null, .bool, .integer, .number: size += 8
        case .string(let text): size += text.utf8.count + 2
        case .array(let elements):
            size += 2
            for element in elements {
                element.addSize(to: &size, limit: limit)
                size += 1
                if size > limit { return }
            }
        case .object(let object):
            size += 2
            for (key, value) in object {
                size += key.utf8.count + 4
                value.addSize(to: &size, limit: limit)
                if size > limit { return }
            }
        }
    }
}

extension String {
    /// Whether the bytes of another text occur in this one. Every text contains the empty one.
    func containsBytes(of part: String) -> Bool {
        let text = Array(utf8)
        let wanted = Array(part.utf8)
        guard let first = wanted.first else { return true }
        guard text.count >= wanted.count else { return false }
        for start in 0...(text.count - wanted.count) where text[start] == first {
            if text[start..<(start + wanted.count)].elementsEqual(wanted) { return true }
        }
        return false
    }
}
