/// What expressions look at, as far as it can be told without evaluating them.
public struct ExpressionReads: Sendable, Hashable {
    /// The stages of which they read anything.
    public var stages: Set<String> = []
    /// The members of `input_data` that they read, without what lies within those.
    public var inputFields: Set<String> = []

    /// Nothing.
    public init() {}

    /// Adds what others look at.
    public mutating func formUnion(_ other: ExpressionReads) {
        stages.formUnion(other.stages)
        inputFields.formUnion(other.inputFields)
    }
}
