import WorkflowCore

/// How large a definition may be.
public enum DefinitionLimits {
    /// The largest file, in bytes.
    public static let fileBytes = 256 * 1024
    /// The most stages.
    public static let stages = WorkflowDefinition.maximumStages
    /// The largest `with` of a stage, in bytes of JSON.
    public static let withBytes = 64 * 1024
    /// The longest description, in bytes.
    public static let descriptionBytes = 4096
    /// The shortest and the longest `timeout` of a stage.
    public static let timeout: ClosedRange<Swift.Duration> = .milliseconds(1)...(.seconds(30 * 86_400))
    /// The shortest and the longest `total_timeout`.
    public static let totalTimeout: ClosedRange<Swift.Duration> = .milliseconds(1)...(.seconds(365 * 86_400))
}
