import Foundation

/// What is wrong with a value, as the rest of a sentence that begins with the field's label.
struct Wrong: Error {
    var message: String

    init(_ message: String) { self.message = message }
}

extension Model {
    /// The values to keep and, by field, what is wrong.
    ///
    /// - Parameter isPartial: Whether fields that are not there are left alone.
    func check(_ given: [String: JSON], isPartial: Bool) -> (values: [String: JSON], errors: [String: String]) {
        var values: [String: JSON] = [:]
        var errors: [String: String] = [:]
        for name in given.keys where !fields.contains(where: { $0.name == name }) { errors[name] = "is not known" }
        for field in fields where !isPartial || given[field.name] != nil {
            do throws(Wrong) {
                values[field.name] = try field.check(given[field.name] ?? .null)
            } catch {
                errors[field.name] = error.message
            }
        }
        return (values, errors)
    }
}

extension Field {
    /// The value to keep; nothing and an empty text are null, or false where it is truth or not.
    func check(_ value: JSON) throws(Wrong) -> JSON {
        let isEmpty = value == .null || value == .text("")
        var kept = isEmpty ? JSON.null : try checkPresent(value)
        if isEmpty, type == .bool, !isRequired { kept = .bool(false) }
        if kept == .null, isRequired { throw Wrong("is required") }
        return kept
    }

    private func checkPresent(_ value: JSON) throws(Wrong) -> JSON {
        switch type {
        case .string: return try line(value)
        case .text: return try text(value)
        case .email: return try email(value)
        case .url: return try address(value)
        case .int:
            guard case .number(let number) = value, number.rounded() == number, abs(number) <= JSON.largestWhole else {
                throw Wrong("must be a whole number")
            }
            return value
        case .number:
            guard case .number(let number) = value, number.isFinite else { throw Wrong("must be a number") }
            return value
        case .bool:
            guard case .bool = value else { throw Wrong("must be true or false") }
            return value
        case .date:
            guard case .text(let text) = value, text.utf8.count == 10, Moment(date: text) != nil else {
                throw Wrong("must be a date, such as 2026-01-31")
            }
            return value
        case .datetime:
            guard case .text(let text) = value, let moment = Moment(text) else {
                throw Wrong("must be a date and time with its zone, such as 2026-01-31T12:30:00Z")
            }
            return .text(moment.description)
        case .choice:
            let choices = choices ?? []
            guard case .text(let text) = value, choices.contains(text) else {
                throw Wrong("must be one of \(choices.joined(separator: ", "))")
            }
            return value
        }
    }

    private func text(_ value: JSON) throws(Wrong) -> JSON {
        guard case .text(let text) = value else { throw Wrong("must be a text") }
        guard !text.unicodeScalars.contains("\0") else { throw Wrong("has a character that no text may have") }
        let most = maxLength ?? 10_000
        guard text.unicodeScalars.count <= most else {
            throw Wrong("has \(text.unicodeScalars.count) characters; at most \(most) are allowed")
        }
        return text.allSatisfy(\.isWhitespace) ? .null : .text(text)
    }

    private func line(_ value: JSON) throws(Wrong) -> JSON {
        guard case .text(let text) = try text(value) else { return .null }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.contains(where: \.isNewline) else { throw Wrong("must be one line") }
        return .text(trimmed)
    }

    private func email(_ value: JSON) throws(Wrong) -> JSON {
        guard case .text(let text) = try line(value) else { return .null }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !text.contains(where: \.isWhitespace),
            parts[1].split(separator: ".", omittingEmptySubsequences: false).count > 1,
            parts[1].split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
        else { throw Wrong("must be an e-mail address") }
        return .text(text)
    }

    private func address(_ value: JSON) throws(Wrong) -> JSON {
        guard case .text(let text) = try line(value) else { return .null }
        let schemes = ["http", "https"]
        guard let parts = URLComponents(string: text), schemes.contains(parts.scheme?.lowercased() ?? ""),
            parts.host?.isEmpty == false, !text.contains(where: \.isWhitespace)
        else { throw Wrong("must be a web address, such as https://example.com") }
        return .text(text)
    }
}
