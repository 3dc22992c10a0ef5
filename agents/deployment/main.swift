import AgentRuntime

await AgentProgram.run(
    type: "deployment",
    version: "0.1.0",
    actions: [DeploymentAction(), RollbackAction(), StatusAction(), HistoryAction(), StopAction(), RestoreAction()]
)
