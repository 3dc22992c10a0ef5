public import JSONTools

/// What a task is told about the workflow it belongs to.
public struct WorkflowContext: Sendable, Hashable {
    /// The name of the definition.
    public var workflowType: String
    /// The name that the workflow was given.
    public var workflowName: String
    /// The stage that is running.
    public var currentStage: String
    /// What people asked for, in their words.
    public var requirements: String?
    /// The API's `input_data`. Always an object on the wire.
    public var input: JSONValue
    /// Outputs by stage: those of direct needs and those named in `with`. One that is too large is given as
    /// `{sha256, size}`, to be read from the artifacts.
    public var stageOutputs: JSONObject

    /// - Parameters:
    ///   - workflowType: the name of the definition.
    ///   - workflowName: the name that the workflow was given.
    ///   - currentStage: the stage that is running.
    ///   - requirements: what people asked for, in their words.
    ///   - input: the API's `input_data`.
    ///   - stageOutputs: outputs by stage.
    public init(
        workflowType: String, workflowName: String, currentStage: String, requirements: String? = nil,
        input: JSONValue = [:], stageOutputs: JSONObject = [:]
    ) {
        self.workflowType = workflowType
        self.workflowName = workflowName
        self.currentStage = currentStage
        self.requirements = requirements
        self.input = input
        self.stageOutputs = stageOutputs
    }
}

extension WorkflowContext: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            workflowType: try fields.name("workflow_type"), workflowName: try fields.shortText("workflow_name"),
            currentStage: try fields.name("current_stage"),
            requirements: try fields.optionalText("requirements", maxBytes: ProtocolLimits.inputBytes),
            input: .object(try fields.optionalObject("input") ?? [:]),
            stageOutputs: try fields.optionalObject("stage_outputs") ?? [:])
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("workflow_type", workflowType)
        writer.field("workflow_name", workflowName)
        writer.field("current_stage", currentStage)
        writer.field("requirements", requirements)
        writer.field("input", input)
        writer.field("stage_outputs", stageOutputs)
        writer.endObject()
    }
}
