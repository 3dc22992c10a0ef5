import HTTPTypes
import Hummingbird
import JSONTools

/// Reads the query of a request strictly: unknown names and wrong values are refused, all of them at once.
struct QueryReader {
    private let values: [(name: String, value: String)]
    private let allowed: [String]
    private(set) var faults: [Problem.Fault] = []

    init(_ request: Request, allowed: [String]) {
        values = request.uri.queryParameters.map { (String($0.key), Self.text($0.value)) }
        self.allowed = allowed
        var seen: Set<String> = []
        for (name, _) in values where !allowed.contains(name) {
            let meant = closestMatch(name, in: allowed).map { "; did you mean '\($0)'?" } ?? ""
            fault(name, "found an unknown parameter; expected \(allowed.joined(separator: ", "))\(meant)")
        }
        for (name, _) in values where !seen.insert(name).inserted { fault(name, "given more than once") }
    }

    /// A plus is a space in queries (as forms write them); the framework leaves it.
    private static func text(_ value: Substring) -> String {
        String(value.map { $0 == "+" ? " " : $0 })
    }

    private mutating func fault(_ name: String, _ message: String) {
        faults.append(Problem.Fault(pointer: "?\(name)", message: message))
    }

    /// A parameter's text; nil if it is absent or empty.
    func text(_ name: String) -> String? {
        values.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    /// One of some words.
    mutating func word(_ name: String, of words: [String]) -> String? {
        guard let value = text(name) else { return nil }
        if words.contains(value) { return value }
        let meant = closestMatch(value, in: words).map { "; did you mean '\($0)'?" } ?? ""
        fault(name, "found '\(value)'; expected one of \(words.joined(separator: ", "))\(meant)")
        return nil
    }

    /// A number in a range.
    mutating func number(_ name: String, in range: ClosedRange<Int64>, default fallback: Int64) -> Int64 {
        guard let value = text(name) else { return fallback }
        guard let number = Int64(value), range.contains(number) else {
            fault(name, "found '\(value)'; expected a number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return number
    }

    /// `true` or `false`.
    mutating func flag(_ name: String) -> Bool {
        word(name, of: ["true", "false"]) == "true"
    }

    /// Notes that a value can't be used.
    mutating func refuse(_ name: String, _ message: String) { fault(name, message) }

    /// Throws what was found to be wrong, if anything was.
    func check() throws(Problem) {
        if !faults.isEmpty { throw .badQuery(faults) }
    }
}
