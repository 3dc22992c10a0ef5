import JSONTools

extension ExpressionEvaluator {
    /// The value of a function call.
    mutating func call(
        _ function: ExpressionFunction, _ arguments: [ExpressionNode], at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        if function == .default {
            let value = try valueOrNull(arguments[0])
            return value.isNull ? try evaluate(arguments[1]) : value
        }
        var values: [JSONValue] = []
        for argument in arguments {
            let value = try evaluate(argument)
            try spendSize(of: value, at: argument)
            values.append(value)
        }
        let first = values[0]
        switch (function, first) {
        case (.length, .string(let text)): return .integer(Int64(text.unicodeScalars.count))
        case (.length, .array(let elements)): return .integer(Int64(elements.count))
        case (.length, .object(let object)): return .integer(Int64(object.count))
        case (.lower, .string(let text)): return .string(text.lowercased())
        case (.upper, .string(let text)): return .string(text.uppercased())
        case (.keys, .object(let object)):
            let keys = object.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            return .array(keys.map(JSONValue.string))
        case (.json, _): return .string(String(decoding: first.encoded(), as: UTF8.self))
        case (.join, .array(let elements)):
            return try join(elements, separator: values.count > 1 ? values[1] : ",", at: node)
        case (.sum, .array(let elements)): return try sum(elements, at: node)
        case (.min, _), (.max, _): return try extreme(function, of: values, at: node)
        case (.round, .integer), (.round, .number):
            return try round(first, digits: values.count > 1 ? values[1] : 0, at: node)
        case (.length, _), (.lower, _), (.upper, _), (.keys, _), (.join, _), (.sum, _), (.round, _), (.default, _):
            throw error(
                .wrongType, node, "found \(function.rawValue)(\(first.kindName)); expected \(function.usage)",
                hint: first.isNull ? "default(x, y) stands in for what is missing" : nil)
        }
    }

    private func join(
        _ elements: [JSONValue], separator: JSONValue, at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        guard case .string(let separator) = separator else {
            throw error(.wrongType, node, "found \(separator.kindName) as separator of join; expected a text")
        }
        var text = ""
        for (index, element) in elements.enumerated() {
            guard let part = element.renderedScalar else {
                throw error(
                    .wrongType, node,
                    "found \(element.kindName) at position \(index) of join; expected texts, numbers or booleans")
            }
            if index > 0 { text += separator }
            text += part
            guard text.utf8.count <= budget.bytes else { throw tooLarge(at: node) }
        }
        return .string(text)
    }

    private func sum(_ elements: [JSONValue], at node: ExpressionNode) throws(ExpressionError) -> JSONValue {
        var whole: Int64? = 0
        var total = 0.0
        for (index, element) in elements.enumerated() {
            guard let number = element.doubleValue else {
                throw error(
                    .wrongType, node, "found \(element.kindName) at position \(index) of sum; expected numbers")
            }
            total += number
            // The sum of integers is an integer as long as it fits 64 bits, and a double beyond.
            if let partial = whole, case .integer(let integer) = element {
                let (next, overflow) = partial.addingReportingOverflow(integer)
                whole = overflow ? nil : next
            } else {
                whole = nil
            }
        }
        if let whole { return .integer(whole) }
        guard total.isFinite else { throw error(.limit, node, "found a sum beyond the range of numbers") }
        return .number(total)
    }

    private func extreme(
        _ function: ExpressionFunction, of values: [JSONValue], at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        var candidates = values
        if values.count == 1 {
            guard case .array(let elements) = values[0] else {
                throw error(
                    .wrongType, node, "found \(function.rawValue)(\(values[0].kindName)); expected \(function.usage)",
                    hint: values[0].isNull ? "default(x, y) stands in for what is missing" : nil)
            }
            candidates = elements
        }
        guard var best = candidates.first else { return .null }
        for candidate in candidates {
            let isBetter = function == .min ? Self.isLess(candidate, best) : Self.isLess(best, candidate)
            guard let isBetter else {
                throw error(
                    .wrongType, node,
                    "found \(best.kindName) and \(candidate.kindName) in \(function.rawValue); expected numbers only, or texts only"
                )
            }
            if isBetter { best = candidate }
        }
        return best
    }

    /// Rounds half away from zero; with 0 digits or fewer to an integer, if it fits 64 bits.
    private func round(
        _ value: JSONValue, digits: JSONValue, at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        guard let digits = digits.intValue, (0...15).contains(digits) else {
            throw error(.wrongType, node, "found \(digits) as digits of round; expected a whole number from 0 to 15")
        }
        guard case .number(let number) = value else { return value }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (number * scale).rounded(.toNearestOrAwayFromZero)
        // A number so large that scaling overflows has no digits after the point anyway.
        let rounded = scaled.isFinite ? scaled / scale : number
        if digits == 0, let integer = Int64(exactly: rounded) { return .integer(integer) }
        return .number(rounded)
    }
}
