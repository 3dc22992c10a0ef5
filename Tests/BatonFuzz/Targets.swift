import FuzzKit
import JSONTools

/// The parsers of what comes from outside.
enum Targets {
    /// All of them, in the order in which they are fed.
    static func all() -> [FuzzTarget] {
        [json()] + messages() + [
            yaml(), definition(), expression(), template(), schema(), query(), bodies(), headers(),
        ]
            + [manifest(), junit(), console(), notations()]
    }

    /// The longest message that says what is wrong with an input, in bytes.
    static let maxMessageBytes = 4096

    /// What is wrong with a message for people.
    static func fault(inMessage message: String) -> String? {
        if message.isEmpty { return "it is refused without a word" }
        let size = message.utf8.count
        return size > maxMessageBytes ? "it is refused with \(size) bytes of words: \(message.prefix(200))" : nil
    }

    /// The words that tell one refusal from another: without what was quoted from the input, and without numbers.
    static func kind(_ message: String) -> String {
        var kind = ""
        var quote: Character?
        for character in message.prefix(120) {
            if let open = quote {
                if character == open { quote = nil }
            } else if "'\"`".contains(character) {
                quote = character
            } else if !character.isNumber {
                kind.append(character)
            }
        }
        return kind
    }

    // MARK: JSON

    static func json() -> FuzzTarget {
        FuzzTarget("json", .json, maxBytes: 300 << 10) { input in
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue(parsing: input)
            } catch {
                if let fault = fault(inMessage: error.message) { return .broken(fault) }
                guard error.offset <= input.count, error.line >= 1, error.column >= 1 else {
                    return .broken("the error is at \(error.offset), line \(error.line), column \(error.column)")
                }
                return .refused("\(error.code) \(kind(error.message))")
            }
            let written = value.encoded()
            guard let again = try? JSONValue(parsing: written, limits: JSONLimits(maxBytes: 4 << 20)) else {
                return .broken("what was written can't be read")
            }
            guard again == value else { return .broken("what was read again differs") }
            guard value.canonicalBytes() == again.canonicalBytes() else { return .broken("canonical forms differ") }
            let pretty = try? JSONValue(
                parsing: Array(value.prettyPrinted().utf8), limits: JSONLimits(maxBytes: 16 << 20))
            return pretty == value ? .accepted : .broken("what was written for people differs")
        }
    }
}
