import HTTPTypes
import Hummingbird
import JSONTools

/// Reads the query of a request strictly: unknown names and wrong values are refused, all of them at once.
struct QueryReader {
    private let values: [(name: String, value: String)]
    private let allowed: [String]
    private(set) var faults: [Problem.Fault] = []

    init(_ request: Request, allowed: [String]) {
        self.allowed = allowed
        var values: [(name: String, value: String)] = []
        var faults: [Problem.Fault] = []
        var seen: Set<String> = []
        for part in (request.uri.query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.text(halves[0]), let value = Self.text(halves.count > 1 ? halves[1] : "") else {
                let shown = WorkflowRequest.shortened(String(part))
                faults.append(
                    Problem.Fault(
                        pointer: "?", message: "found '\(shown)'; expected percent escapes that make up UTF-8"))
                continue
            }
            let fault: String? =
                if !allowed.contains(name) {
                    Self.unknown(name, allowed)
                } else if !seen.insert(name).inserted {
                    "given more than once"
                } else if value.isEmpty {
                    "given without a value; leave it out or give one"
                } else {
                    nil
                }
            if let fault {
                faults.append(Problem.Fault(pointer: "?\(WorkflowRequest.shortened(name))", message: fault))
            } else {
                values.append((name, value))
            }
        }
        self.values = values
        self.faults = faults
    }

    private static func unknown(_ name: String, _ allowed: [String]) -> String {
        guard !allowed.isEmpty else { return "found an unknown parameter; expected none" }
        let meant = closestMatch(name, in: allowed).map { "; did you mean '\($0)'?" } ?? ""
        return "found an unknown parameter; expected \(allowed.joined(separator: ", "))\(meant)"
    }

    /// A part of a query as text; nil if its escapes are none, or make up no UTF-8. A plus is a space, as forms write it,
    /// and NUL becomes U+FFFD, as in bodies.
    static func text(_ part: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = part.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default:
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        guard bytes.contains(0) else { return text }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { clean.append(scalar == "\0" ? "\u{FFFD}" : scalar) }
        return String(clean)
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    private mutating func fault(_ name: String, _ message: String) {
        faults.append(Problem.Fault(pointer: "?\(name)", message: message))
    }

    /// A parameter's text, never empty; nil if it is absent.
    func text(_ name: String) -> String? {
        values.first { $0.name == name }?.value
    }

    /// One of some words.
    mutating func word(_ name: String, of words: [String]) -> String? {
        guard let value = text(name) else { return nil }
        if words.contains(value) { return value }
        let meant = closestMatch(value, in: words).map { "; did you mean '\($0)'?" } ?? ""
        fault(
            name,
            "found '\(WorkflowRequest.shortened(value))'; expected one of \(words.joined(separator: ", "))\(meant)")
        return nil
    }

    /// A number in a range.
    mutating func number(_ name: String, in range: ClosedRange<Int64>, default fallback: Int64) -> Int64 {
        guard let value = text(name) else { return fallback }
        guard let number = Int64(value), range.contains(number) else {
            fault(
                name,
                "found '\(WorkflowRequest.shortened(value))'; expected a number from \(range.lowerBound) to \(range.upperBound)"
            )
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
