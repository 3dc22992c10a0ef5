import JSONTools
import WorkflowCore

/// A stage as read, with the places that the rules between stages need for their messages.
struct StageDraft {
    /// A stage that is named somewhere, and where.
    struct Mention {
        var name: String
        var position: SourcePosition
        var pointer: JSONPointer
    }

    /// What a string looks at, and where it stands.
    struct Reading {
        var reads: ExpressionReads
        var position: SourcePosition
        var pointer: JSONPointer
    }

    var definition: StageDefinition
    /// Where the stage begins.
    var position: SourcePosition
    var pointer: JSONPointer
    /// Whether the name could be read; the rules leave out stages without one.
    var isNamed: Bool
    /// Where the name stands.
    var namePosition: SourcePosition
    /// Whether `needs` is written out; otherwise the stage comes after the one before it in the file.
    var hasNeeds: Bool
    /// The stages in `needs`, if that is written out.
    var needs: [Mention]
    /// Where `needs` stands, or else the stage.
    var needsPosition: SourcePosition
    /// What the expressions in `with` and `if` look at, string by string.
    var reads: [Reading]
}
