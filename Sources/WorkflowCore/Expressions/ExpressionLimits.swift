/// The limits that keep expressions from an untrusted definition harmless.
public enum ExpressionLimits {
    /// The longest expression, in bytes of UTF-8.
    public static let sourceBytes = 4096
    /// How deep parentheses, lists, calls and `not` may be nested, and values within values.
    public static let depth = 64
    /// How many steps one evaluation may take; a step is about one operation, one list element or 64 bytes of text.
    public static let steps = 10_000
    /// How many steps all expressions of one template may take together.
    public static let templateSteps = 100_000
    /// How large a result may be, of one expression and of a whole template, in bytes of JSON.
    public static let resultBytes = 256 * 1024
    /// The longest pattern of `matches`, in bytes of UTF-8.
    public static let patternBytes = 256
    /// The longest text on the left of `matches`, in bytes of UTF-8.
    public static let patternSubjectBytes = 4096
}
