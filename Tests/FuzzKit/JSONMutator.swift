import JSONTools

/// Changes a JSON document value by value, so that it stays one: members go, come, change their type or their place.
struct JSONMutator {
    /// An element is repeated up to this size.
    private static let maxRepeatedBytes = 32 << 10

    var random: SplitMix

    /// The document with one to four changes, written out; a member may then stand in it twice.
    mutating func changed(_ value: JSONValue) -> [UInt8] {
        var value = value
        for _ in 0...random.below(4) { value = change(value, depth: 0) }
        return value.encoded()
    }

    private mutating func change(_ value: JSONValue, depth: Int) -> JSONValue {
        switch value {
        case .object(let object) where !object.isEmpty && depth < 40 && !random.oneIn(6):
            return .object(change(object, depth: depth))
        case .array(let array) where !array.isEmpty && depth < 40 && !random.oneIn(6):
            return .array(change(array, depth: depth))
        case .string(let text) where random.oneIn(3):
            return .string(change(text))
        case .integer(let number) where random.oneIn(2):
            return .integer(number &+ Int64(random.below(5)) &- 2)
        case .null, .bool, .integer, .number, .string, .array, .object:
            return random.oneIn(8) ? nested(value) : other()
        }
    }

    private mutating func change(_ object: JSONObject, depth: Int) -> JSONObject {
        var object = object
        let keys = object.keys
        let key = keys[random.below(keys.count)]
        let value = object[key] ?? nil
        switch random.below(8) {
        case 0: object[key] = nil
        case 1: object[change(key)] = value
        case 2: object[key] = object[keys[random.below(keys.count)]]
        case 3: object["x\(random.below(100))"] = value
        default: object[key] = change(value, depth: depth + 1)
        }
        return object
    }

    private mutating func change(_ array: [JSONValue], depth: Int) -> [JSONValue] {
        var array = array
        let index = random.below(array.count)
        switch random.below(6) {
        case 0: array.remove(at: index)
        case 1: array.append(array[index])
        case 2:
            let room = Self.maxRepeatedBytes / (array[index].encoded().count + 1)
            array = Array(repeating: array[index], count: min(room, 1 << random.below(12)))
        default: array[index] = change(array[index], depth: depth + 1)
        }
        return array
    }

    private mutating func change(_ text: String) -> String {
        switch random.below(8) {
        case 0: return ""
        case 1:
            let piece = text.isEmpty ? "a" : text
            return String(repeating: piece, count: min(Self.maxRepeatedBytes / piece.utf8.count, 1 << random.below(13)))
        case 2: return text + "\u{0}"
        case 3: return text.uppercased()
        case 4: return String(text.dropLast())
        case 5: return "../" + text
        case 6: return text + "e\u{301}\u{202E}"
        default: return "-" + text
        }
    }

    private mutating func nested(_ value: JSONValue) -> JSONValue {
        var value = value
        for _ in 0..<random.below(80) { value = random.oneIn(2) ? [value] : ["a": value] }
        return value
    }

    private mutating func other() -> JSONValue {
        let values: [JSONValue] = [
            nil, true, false, 0, -1, 1, 2.5, "", "x", [], [:], [1], ["a": 1], .integer(.max), .integer(.min),
            .number(1e308),
            .number(-0.0), .number(.leastNonzeroMagnitude), .integer(1 << 53), "2026-09-21T14:13:20.123Z",
            "01997d2b-8f41-7a10-9c3e-5b0c6f2d1a01",
            "2.9.9", "9f86d081884c7d65", [[[[[]]]]], ["$ref": "#"], "\u{0}", "{{ input.a }}",
        ]
        return values[random.below(values.count)]
    }
}
