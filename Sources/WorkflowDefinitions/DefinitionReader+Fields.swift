import JSONTools
import WorkflowCore

extension DefinitionReader {
    /// The members of a mapping by name; unknown ones are faults.
    ///
    /// - Parameters:
    ///   - later: fields that a later version knows, with what to say about them.
    mutating func fields(
        of node: SourceNode, at pointer: JSONPointer, what: String, known: [String], later: [String: String] = [:]
    ) -> [String: SourceMember]? {
        guard case .mapping(let members) = node.content else {
            faults.add(node.position, pointer, "found \(node.kindName); expected \(what) as a mapping")
            return nil
        }
        var fields: [String: SourceMember] = [:]
        for member in members {
            if known.contains(member.key) {
                fields[member.key] = member
            } else if let explanation = later[member.key] {
                faults.add(
                    member.position, pointer.appending(member.key),
                    "'\(member.key)' is not supported in this version: \(explanation)")
            } else {
                let names = known + later.keys
                let advice =
                    closestMatch(member.key, in: names).map { "did you mean '\($0)'?" }
                    ?? "expected one of \(known.joined(separator: ", "))"
                faults.add(
                    member.position, pointer.appending(member.key),
                    "found the unknown field '\(member.key)' in \(what); \(advice)")
            }
        }
        return fields
    }

    /// The text of an optional field.
    mutating func text(in members: [String: SourceMember], _ key: String, at pointer: JSONPointer) -> String? {
        guard let member = members[key] else { return nil }
        guard case .scalar(.string(let text)) = member.value.content else {
            faults.add(
                member.value.position, pointer.appending(key), "found \(member.value.kindName); expected a text")
            return nil
        }
        return text
    }

    /// The name in a field; without one it is a fault of the mapping, unless there is a default.
    mutating func name(
        in members: [String: SourceMember], _ key: String, of node: SourceNode, at pointer: JSONPointer,
        default fallback: String? = nil
    ) -> String? {
        guard let member = members[key] else {
            if fallback == nil { faults.add(node.position, pointer, "found no field '\(key)'; expected a name") }
            return fallback
        }
        return name(member.value, at: pointer.appending(key)) ?? fallback
    }

    /// The name that a node holds.
    mutating func name(_ node: SourceNode, at pointer: JSONPointer) -> String? {
        let rule = "expected a name: a lower-case letter, then at most 63 of a-z, 0-9, '_' and '-'"
        guard case .scalar(.string(let text)) = node.content else {
            faults.add(node.position, pointer, "found \(node.kindName); \(rule)")
            return nil
        }
        guard Self.isName(text) else {
            let shown = text.count > 80 ? text.prefix(80) + "…" : text[...]
            faults.add(node.position, pointer, "found '\(shown)'; \(rule)")
            return nil
        }
        return text
    }

    /// Whether a text is `[a-z][a-z0-9_-]{0,63}`.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, 0x61...0x7a ~= first, text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy {
            0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
    }

    /// The truth value of an optional field.
    mutating func bool(in members: [String: SourceMember], _ key: String, at pointer: JSONPointer) -> Bool? {
        guard let member = members[key] else { return nil }
        guard case .scalar(.bool(let value)) = member.value.content else {
            faults.add(
                member.value.position, pointer.appending(key),
                "found \(Self.shown(member.value)); expected true or false")
            return nil
        }
        return value
    }

    /// One of some words in an optional field.
    ///
    /// - Parameter later: words that a later version knows.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        in members: [String: SourceMember], _ key: String, at pointer: JSONPointer, later: [String] = []
    ) -> Choice? where Choice.RawValue == String {
        guard let member = members[key] else { return nil }
        let known = Choice.allCases.map(\.rawValue)
        if case .scalar(.string(let word)) = member.value.content {
            if let choice = Choice(rawValue: word) { return choice }
            if later.contains(word) {
                faults.add(
                    member.value.position, pointer.appending(key),
                    "'\(key): \(word)' is not supported in this version: expected one of \(known.joined(separator: ", "))"
                )
                return nil
            }
            faults.add(
                member.value.position, pointer.appending(key),
                "found '\(word)'; expected one of \(known.joined(separator: ", "))"
                    + suggestion(for: word, among: known + later))
            return nil
        }
        faults.add(
            member.value.position, pointer.appending(key),
            "found \(Self.shown(member.value)); expected one of \(known.joined(separator: ", "))")
        return nil
    }

    /// The duration in an optional field.
    mutating func duration(
        in members: [String: SourceMember], _ key: String, at pointer: JSONPointer,
        within range: ClosedRange<Swift.Duration>
    ) -> Swift.Duration? {
        guard let member = members[key] else { return nil }
        let place = pointer.appending(key)
        guard case .scalar(.string(let text)) = member.value.content else {
            let advice =
                if case .scalar(.integer(let number)) = member.value.content { "as in '\(number)s'" } else {
                    "as in '10m'"
                }
            faults.add(
                member.value.position, place,
                "found \(Self.shown(member.value)); expected a duration with its unit, \(advice)")
            return nil
        }
        do {
            let duration = try DurationNotation.parse(text)
            if range.contains(duration) { return duration }
            faults.add(
                member.value.position, place,
                "found \(text); expected from \(DurationNotation.format(range.lowerBound)) to "
                    + DurationNotation.format(range.upperBound))
        } catch {
            faults.add(member.value.position, place, error.description)
        }
        return nil
    }

    /// The policy in an optional field; what it leaves out comes from `default`.
    mutating func retry(
        in members: [String: SourceMember], at pointer: JSONPointer, default fallback: RetryPolicy
    ) -> RetryPolicy {
        guard let member = members["retry"] else { return fallback }
        let place = pointer.appending("retry")
        let known = ["max_attempts", "initial", "factor", "max", "jitter"]
        guard let fields = fields(of: member.value, at: place, what: "retry", known: known) else { return fallback }
        var policy = fallback
        if let number = fields["max_attempts"]?.value {
            if let count = number.value.intValue, RetryPolicy.attemptRange.contains(count) {
                policy.maxAttempts = count
            } else {
                faults.add(
                    number.position, place.appending("max_attempts"),
                    "found \(Self.shown(number)); expected a whole number from 1 to \(RetryPolicy.attemptRange.upperBound)"
                )
            }
        }
        if let number = fields["factor"]?.value {
            if let factor = number.value.doubleValue, RetryPolicy.factorRange.contains(factor) {
                policy.factor = factor
            } else {
                faults.add(
                    number.position, place.appending("factor"),
                    "found \(Self.shown(number)); expected a number from 1 to 100")
            }
        }
        let delays = Swift.Duration.zero...RetryPolicy.longestDelay
        if let initial = duration(in: fields, "initial", at: place, within: delays) { policy.initial = initial }
        if let max = duration(in: fields, "max", at: place, within: delays) { policy.max = max }
        if let jitter: RetryPolicy.Jitter = choice(in: fields, "jitter", at: place) { policy.jitter = jitter }
        if policy.initial > policy.max {
            faults.add(
                (fields["initial"] ?? fields["max"])?.value.position ?? member.position, place,
                "found initial \(DurationNotation.format(policy.initial)) above max "
                    + "\(DurationNotation.format(policy.max)); expected initial to be at most max")
        }
        return policy
    }

    /// A value as messages show it: scalars themselves, other things by their kind.
    static func shown(_ node: SourceNode) -> String {
        switch node.content {
        case .scalar(.string(let text)) where text.count <= 80: "'\(text)'"
        case .scalar(.bool), .scalar(.integer), .scalar(.number): "\(node.value)"
        case .scalar, .sequence, .mapping: node.kindName
        }
    }
}
