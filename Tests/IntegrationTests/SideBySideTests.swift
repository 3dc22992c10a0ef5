import Testing

/// Faults of single agents and messages: they leave the stack as it is, so that all of them happen at the same time.
@Suite(.sharedStack(.sideBySide))
struct SideBySideTests {}
