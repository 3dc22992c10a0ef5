extension JSONValue {
    /// How long it takes to compare or hash the value: its elements, members and pieces of text.
    var weight: Int {
        switch self {
        case .null, .bool, .integer, .number: 1
        case .string(let text): 1 + text.utf8.count / 8
        case .array(let elements): elements.reduce(1) { $0 + $1.weight }
        case .object(let object): object.reduce(1) { $0 + 1 + $1.key.utf8.count / 8 + $1.value.weight }
        }
    }

    /// The text of the value, cut short for messages; a large value takes no longer than a small one.
    var abbreviated: String {
        var rest = 1000
        let text = beginning(&rest).description
        if rest > 0, text.count <= 80 { return text }
        return "\(text.prefix(79))…"
    }

    /// As much of the value as has room.
    private func beginning(_ rest: inout Int) -> JSONValue {
        rest -= 1
        switch self {
        case .null, .bool, .integer, .number: return self
        case .string(let text): return .string(text.beginning(&rest))
        case .array(let elements):
            var some: [JSONValue] = []
            for element in elements {
                guard rest > 0 else { break }
                some.append(element.beginning(&rest))
            }
            return .array(some)
        case .object(let object):
            var some = JSONObject()
            for (key, value) in object {
                guard rest > 0 else { break }
                some[key.beginning(&rest)] = value.beginning(&rest)
            }
            return .object(some)
        }
    }
}

extension JSONObject {
    /// How long it takes to look up all of its members.
    var lookUpWork: Int { reduce(0) { $0 + 1 + $1.key.utf8.count / 8 } }
}

extension [String] {
    /// How long it takes to look up all of them.
    var lookUpWork: Int { reduce(0) { $0 + 1 + $1.utf8.count / 8 } }
}

extension String {
    fileprivate func beginning(_ rest: inout Int) -> String {
        let room = Swift.max(rest, 0)
        rest -= utf8.count
        return utf8.count <= room ? self : String(unicodeScalars.prefix(room))
    }
}
