/// The text that an expression stands in, for reading it and for saying where something is wrong.
struct ExpressionText: Sendable, Hashable {
    let string: String
    let bytes: [UInt8]

    init(_ string: String) {
        self.string = string
        self.bytes = Array(string.utf8)
    }

    /// An error at a byte of the text.
    func error(
        _ code: ExpressionError.Code, at offset: Int, _ message: String, hint: String? = nil
    ) -> ExpressionError {
        ExpressionError(code: code, source: string, column: column(of: offset), message: message, hint: hint)
    }

    /// The error for `+` and its kin.
    func noArithmetic(_ sign: String, at offset: Int) -> ExpressionError {
        error(
            .syntax, at: offset, "found '\(sign)'; expected a value or an operator",
            hint: "there is no arithmetic in expressions; sum, min, max and round work on numbers")
    }

    /// The column of a byte, in Unicode scalars from 1.
    func column(of offset: Int) -> Int {
        1 + bytes[..<min(offset, bytes.count)].reduce(0) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 }
    }

    /// The bytes of the whole Unicode scalar that begins at a byte.
    func scalar(at offset: Int) -> ArraySlice<UInt8> {
        var end = offset + 1
        while end < bytes.count, bytes[end] & 0xc0 == 0x80 { end += 1 }
        return bytes[offset..<end]
    }
}
