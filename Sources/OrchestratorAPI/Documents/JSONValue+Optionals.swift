import JSONTools

extension JSONValue {
    /// The text, or null.
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    /// The time as RFC 3339, or null.
    init(_ time: Timestamp?) { self = time.map { .string("\($0)") } ?? .null }
    /// The number, or null.
    init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }
    /// The number.
    init(_ number: Int) { self = .integer(Int64(number)) }
    /// The id.
    init(_ id: UniqueID) { self = .string("\(id)") }
}
