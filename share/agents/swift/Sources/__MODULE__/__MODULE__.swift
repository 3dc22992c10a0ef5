import AgentRuntime

/// An agent of type `__NAME__`.
@main
struct __MODULE__ {
    static func main() async {
        await AgentProgram.run(type: "__NAME__", version: "1", actions: [CountAction()])
    }
}
