import AgentProtocol
import JSONTools

/// Messages for tests: one with every field filled, and one with as little as possible.
enum Samples {
    static let task = UniqueID(high: 0x0190_1234_5678_7abc, low: 0x8000_0000_0000_0001)
    static let workflow = UniqueID(high: 0x0190_1234_5678_7abc, low: 0x8000_0000_0000_0002)
    static let message = UniqueID(high: 0x0190_1234_5678_7abc, low: 0x8000_0000_0000_0003)
    static let dispatch = DispatchID(rawValue: 0x0123_4567_89ab_cdef)
    static let moment = Timestamp(milliseconds: 1_790_000_000_123)
    static let reference = TaskReference(taskID: task, attempt: 2, dispatchID: dispatch)
    static let commit = String(repeating: "0123456789", count: 4)
    static let hash = String(repeating: "01234567", count: 8)
    static let trace = TraceContext(
        traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spanID: "00f067aa0ba902b7", parentSpanID: "00f067aa0ba902b8")
    static let agent = "scaffold-7f3a0b1c"

    static let fullEnvelope = TaskEnvelope(
        messageID: message, taskID: task, workflowID: workflow, attempt: 2, dispatchID: dispatch, generation: 3,
        agentType: "scaffold", action: "scaffolding", stage: "scaffolding", step: "render", priority: .high,
        constraints: TaskConstraints(
            timeoutMilliseconds: 1_200_000, maxAttempts: 2, heartbeatMilliseconds: 4000, leaseMilliseconds: 12_000,
            tokenBudget: 100_000, requiredConfidence: 0.75),
        payload: ["stack": "node", "list": [1, 2.5, nil, true]],
        workflowContext: WorkflowContext(
            workflowType: "app", workflowName: "calculator-app", currentStage: "scaffolding",
            requirements: "Add \"and\" divide\nnumbers ÷", input: ["deployment_target": "process"],
            stageOutputs: ["initialization": ["stack": "node"]]),
        answers: [Answer(id: "q1", value: "yes")],
        workspace: WorkspaceReference(mode: .write, url: "file:///data/workspaces/w.git", commit: commit),
        artifactsURL: "file:///data/artifacts", trace: trace, createdAt: moment, createdBy: "orchestrator-1")

    static let minimalEnvelope = TaskEnvelope(
        messageID: message, taskID: task, workflowID: workflow, attempt: 1, dispatchID: dispatch, agentType: "e2e",
        action: "noop", stage: "one",
        workflowContext: WorkflowContext(workflowType: "noop", workflowName: "n", currentStage: "one"),
        createdAt: moment, createdBy: "o")

    static let fullResult = TaskResult(
        messageID: message, taskID: task, workflowID: workflow, attempt: 2, dispatchID: dispatch, agentID: agent,
        agentType: "scaffold", stage: "scaffolding", step: "render", status: .needsInput,
        output: ["files": 12, "stack": "node"], commit: commit,
        artifacts: [
            ArtifactReference(name: "report.html", type: "text/html", sizeBytes: 1234, sha256: hash, label: "Report")
        ],
        metrics: TaskMetrics(
            durationMilliseconds: 812, queueMilliseconds: 3, tokensIn: 10, tokensOut: 20, tokensSaved: 5,
            costUSD: 0.25, model: "none", peakMemoryBytes: 1 << 20),
        confidence: 0.5, errors: [TaskFault(code: "TOOL_FAILED", message: "npm", retryable: true, detail: ["exit": 1])],
        questions: [Question(id: "q1", text: "Which?", options: ["a", "b"])], warnings: ["slow"], startedAt: moment,
        completedAt: moment + .milliseconds(812), trace: trace)

    static let minimalResult = TaskResult(
        messageID: message, taskID: task, workflowID: workflow, attempt: 1, dispatchID: dispatch, agentID: agent,
        agentType: "scaffold", stage: "one", status: .success, startedAt: moment, completedAt: moment)

    static let signals: [AgentSignal] = [
        .register(
            RegisterSignal(
                agentID: agent, sentAt: moment, agentType: "scaffold", agentVersion: "0.1.0",
                actions: [
                    ActionDescription(
                        name: "deploy", inputSchema: ["type": "object"], workspace: .write, exclusive: true),
                    ActionDescription(name: "noop", workspace: .none),
                ], slots: 4, host: "build-1", pid: 4711)),
        .heartbeat(
            HeartbeatSignal(
                agentID: agent, sentAt: moment,
                running: [
                    RunningTask(reference: reference, progress: 0.5, note: "npm ci"), RunningTask(reference: reference),
                ],
                held: [reference], freeSlots: 3)),
        .heartbeat(HeartbeatSignal(agentID: agent, sentAt: moment, freeSlots: 0)),
        .started(StartedSignal(agentID: agent, sentAt: moment, reference: reference)),
        .grantRequest(GrantRequestSignal(agentID: agent, sentAt: moment, reference: reference)),
        .rejected(
            RejectedSignal(
                agentID: agent, sentAt: moment, stream: "agent:scaffold:tasks", entryID: "1790000000123-0",
                reason: "INVALID_JSON", bytes: [0, 1, 2, 255])),
        .goodbye(GoodbyeSignal(agentID: agent, sentAt: moment, abandoned: [reference])),
        .goodbye(GoodbyeSignal(agentID: agent, sentAt: moment)),
    ]

    static let controls: [ControlMessage] = [
        .heartbeatAck(
            HeartbeatAcknowledgement(
                agentID: agent, sentAt: moment, known: true,
                tasks: [
                    TaskVerdict(reference: reference, verdict: .continue),
                    TaskVerdict(reference: reference, verdict: .stop),
                ], granted: [reference], settled: [reference], drain: true, logLevel: .debug)),
        .heartbeatAck(HeartbeatAcknowledgement(agentID: agent, sentAt: moment, known: false)),
        .cancel(CancelMessage(agentID: agent, sentAt: moment, reference: reference)),
        .cancel(CancelMessage(agentID: nil, sentAt: moment, reference: reference)),
        .drain(DrainMessage(agentID: agent, sentAt: moment)), .drain(DrainMessage(agentID: nil, sentAt: moment)),
        .logLevel(LogLevelMessage(agentID: agent, sentAt: moment, level: .trace)),
        .logLevel(LogLevelMessage(agentID: nil, sentAt: moment, level: .critical)),
    ]

    static let fullLog = LogBatch(
        agentID: agent, sentAt: moment, reference: reference, workflowID: workflow,
        lines: [
            LogLine(number: 1, at: moment, level: .info, stream: .stdout, text: "added 12 packages"),
            LogLine(number: 2, at: moment, level: .error, stream: .stderr, text: "\u{1B}[31mred\u{1B}[0m \"quoted\""),
            LogLine(number: 3, at: moment, level: .warning, stream: .agent, text: ""),
        ], dropped: 7)

    static let minimalLog = LogBatch(
        agentID: agent, sentAt: moment, reference: reference, workflowID: workflow, lines: [])
}
