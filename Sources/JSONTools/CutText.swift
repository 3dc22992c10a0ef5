extension String {
    /// The beginning of the text that fits `bytes` bytes of UTF-8 without splitting a character, with `…` at its end if
    /// something was cut off: for messages that repeat what somebody wrote.
    ///
    /// - Parameter bytes: at least 3.
    package func cut(toBytes bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        precondition(bytes >= 3, "there must be room for the ellipsis")
        var end = utf8.index(utf8.startIndex, offsetBy: bytes - 3)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end]) + "…"
    }
}
