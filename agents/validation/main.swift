import AgentRuntime

await AgentProgram.run(type: "validation", version: "0.1.0", actions: [ValidationAction()])
