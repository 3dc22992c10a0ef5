/// The version of the wire contract, and what of other versions is understood.
///
/// A new optional field or a new kind of message raises the minor number, a correction of the text the patch number;
/// whatever an older reader would misunderstand raises the major number. So readers ignore unknown fields and refuse
/// unknown major numbers.
public enum ProtocolVersion {
    /// The version that this module writes.
    public static let current = "2.0.0"
    /// The only major number that this module reads.
    public static let major = 2

    /// The major number of a version of the form `major.minor.patch`, or nil if `text` is not of that form.
    static func major(of text: String) -> Int? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        for part in parts {
            guard (1...6).contains(part.count), part.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        }
        return Int(Substring(parts[0]))
    }
}
