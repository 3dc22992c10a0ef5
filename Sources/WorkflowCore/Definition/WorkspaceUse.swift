/// What a stage does with the files of its workflow.
public enum WorkspaceUse: String, Sendable, Hashable, CaseIterable {
    /// The stage gets no files.
    case none
    /// The stage gets a fresh clone of its input commit and leaves no commit behind.
    case read
    /// The stage gets a fresh clone of its input commit and may leave one commit, which is the input of later stages.
    /// Without one, its input commit is passed on.
    case write
}
