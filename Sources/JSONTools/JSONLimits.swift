/// How much a parser accepts before it refuses: a limit on every dimension that an outsider controls.
public struct JSONLimits: Sendable, Hashable {
    /// The deepest nesting of arrays and objects that is accepted; a scalar has depth 0, `[[1]]` has depth 2.
    public var depth: Int
    /// The largest document that is accepted, in bytes.
    public var maxBytes: Int

    /// - Parameters:
    ///   - depth: deepest nesting accepted (at least 1).
    ///   - maxBytes: largest document accepted, in bytes.
    public init(depth: Int = 64, maxBytes: Int = 256 * 1024) {
        self.depth = depth
        self.maxBytes = maxBytes
    }
}
