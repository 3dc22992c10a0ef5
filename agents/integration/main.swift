import AgentRuntime

await AgentProgram.run(
    type: "integration", version: "0.1.0", actions: [IntegrationAction(), DependencyUpdatesAction(), RollbackAction()])
