import AgentProtocol
import JSONTestSupport
import JSONTools
import Testing

@Suite struct ReadmeTests {
    private static func text() throws -> String {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = here.dropLast(3).joined(separator: "/") + "/docs/protocol/README.md"
        return try String(decoding: PythonJSONSchema.read(path), as: UTF8.self)
    }

    @Test func `every message of the redis-cli session can be decoded`() throws {
        let text = try Self.text()
            .replacing("<task_id>", with: Samples.task.description)
            .replacing("<workflow_id>", with: Samples.workflow.description)
            .replacing("<dispatch_id>", with: Samples.dispatch.description).replacing("<stage>", with: "one")
        let commands = text.split(separator: "\n").filter { $0.hasPrefix("> XADD") }
        var kinds: [String] = []
        for command in commands {
            let parts = command.split(separator: "'")
            let message = Array(try #require(parts.dropFirst().first).utf8)
            if command.hasPrefix("> XADD orchestrator:results") {
                kinds.append(try TaskResult(decoding: message).status.rawValue)
            } else {
                kinds.append(try AgentSignal(decoding: message).kind.rawValue)
            }
        }
        #expect(kinds == ["register", "success", "heartbeat"])
    }

    @Test func `version, names and kinds of the text are those of the types`() throws {
        let text = try Self.text()
        let names = ChannelNames()
        #expect(text.hasPrefix("# The agent protocol, version \(ProtocolVersion.current)\n"))
        for name in [
            names.tasks("{type}", .medium), names.results, names.signals, names.logs, names.control("{type}"),
            names.events,
            names.dead,
        ] {
            #expect(text.contains("`\(name)`"), "\(name)")
        }
        let kinds = AgentSignal.Kind.allCases.map(\.rawValue) + ControlMessage.Kind.allCases.map(\.rawValue)
        for kind in kinds + TaskResult.Status.allCases.map(\.rawValue) { #expect(text.contains(kind), "\(kind)") }
    }
}
