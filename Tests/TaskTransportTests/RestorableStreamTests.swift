import AgentProtocol
import TaskTransport
import Testing

@Suite("Streams that messages can be put back onto")
struct RestorableStreamTests {
    static let names: [(String, RestorableStream)] = [
        ("orchestrator:results", .results), ("x:orchestrator:results", .results), ("agent:signals", .signals),
        ("x:agent:logs", .logs), ("agent:scaffold:tasks", .tasks(agentType: "scaffold", .medium)),
        ("x:agent:e2e:tasks:high", .tasks(agentType: "e2e", .high)),
    ]

    @Test("The streams of the protocol are, with and without the namespace", arguments: names)
    func known(name: String, stream: RestorableStream) {
        #expect(RestorableStream(named: name, in: ChannelNames(namespace: "x")) == stream)
    }

    @Test(
        "What an agent may have made up is not",
        arguments: [
            "", "orchestrator:dead", "agent:scaffold:control", "agent::tasks", "agent:a:b:tasks", "y:agent:a:tasks",
            "agent:a:tasks:urgent", "agent:A b:tasks", "workflow:events", "inlet:0",
        ])
    func unknown(name: String) {
        #expect(RestorableStream(named: name, in: ChannelNames(namespace: "x")) == nil)
    }
}
