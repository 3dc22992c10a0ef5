import AgentRuntime
import Foundation

// An agent whose actions go wrong as they are told, on Baton's own runtime. For tests, which may give it another type.
await AgentProgram.run(
    type: ProcessInfo.processInfo.environment["BATON_FAULT_TYPE"] ?? "fault", version: "0.1.0",
    actions: [CommandAction(), DyingAction(), FillingAction(), ReadingAction(), ExclusiveAction()])
