extension String {
    /// The beginning of the text that fits `bytes` bytes of UTF-8 without splitting a character, with `…` at its end if
    /// something was cut off: for messages that repeat what somebody wrote.
    ///
    /// - Parameter bytes: at least 3.
    package func cut(toBytes bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        precondition(bytes >= 3, "there must be room for the ellipsis")
        // Bytes 10xxxxxx go on with a character that began before (RFC 3629).
        let all = Array(utf8.prefix(bytes - 2))
        var end = bytes - 3
        while end > 0, all[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: all[..<end], as: UTF8.self) + "…"
    }
}
