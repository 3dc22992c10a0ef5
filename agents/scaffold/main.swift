import AgentRuntime

await AgentProgram.run(
    type: "scaffold",
    version: "0.1.0",
    actions: [TemplatesAction(), InitializationAction(), ScaffoldingAction(), DependencyInstallationAction()]
)
