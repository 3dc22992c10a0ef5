import AgentRuntime

await AgentProgram.run(type: "e2e", version: "0.1.0", actions: [E2ETestingAction()])
