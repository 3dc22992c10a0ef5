public import JSONTools

/// The largest that each part of a message may be. Sizes are bytes of UTF-8, or of the encoded JSON for values.
public enum ProtocolLimits {
    /// A whole message.
    public static let messageBytes = 256 * 1024
    /// Nesting of arrays and objects within a message.
    public static let depth = 64
    /// A result's `output`.
    public static let outputBytes = 64 * 1024
    /// An envelope's `payload`, `requirements` and `input` together.
    public static let inputBytes = 64 * 1024
    /// An envelope's `stage_outputs`.
    public static let stageOutputsBytes = 128 * 1024
    /// A name: agent type, action, stage, workflow type, agent id. Letters, digits, `_`, `-`, `.`; the first is no `-` or `.`.
    public static let nameBytes = 128
    /// A short text: workflow name, note, label, code, version, host.
    public static let shortTextBytes = 512
    /// A long text: message of an error, question, warning, reason.
    public static let longTextBytes = 16 * 1024
    /// The text of one log line.
    public static let logLineBytes = 16 * 1024
    /// A URL.
    public static let urlBytes = 2048
    /// The part of an undecodable entry that a `rejected` signal carries.
    public static let rejectedBytes = 8 * 1024
    /// Attempts, generations and lines are counted up to this.
    public static let counter = 1_000_000_000
    /// Times and durations in milliseconds go up to this (ten years).
    public static let milliseconds = 315_360_000_000
    /// Counts of bytes and tokens go up to this: 2^53 - 1, the last integer that every JSON reader keeps exactly.
    public static let quantity = 9_007_199_254_740_991
    /// Elements of any list in a message.
    public static let listElements = 1024

    /// What a parser accepts as one message.
    public static let json = JSONLimits(depth: depth, maxBytes: messageBytes)

    /// The beginning of `text` that fits `bytes` bytes of UTF-8 without splitting a character, with `…` at its end if
    /// something was cut off. `bytes` is at least 3.
    public static func truncated(_ text: String, toBytes bytes: Int) -> String {
        text.cut(toBytes: bytes)
    }
}
