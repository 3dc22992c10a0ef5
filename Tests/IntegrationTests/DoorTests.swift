import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import Synchronization
import Testing

extension RoadTests {
    @Suite("More is asked for than can be recorded", .serialized)
    struct DoorTests {
        private static let component = "narrow-orchestrator"
        /// How many requests may wait at its door.
        private static let places = 4
        private static let count = 200

        @Test("200 at once where 4 may wait: the rest get 429, come again when told, and each is done exactly once")
        func narrow() async throws {
            let shared = try TestStack.shared()
            let client = try await addNarrowOrchestrator(to: shared)
            // Nothing can be recorded until somebody was turned away.
            let url = try #require(await shared.stack.databaseURL)
            let holder = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
            _ = try await holder.query("BEGIN")
            _ = try await holder.query("LOCK TABLE workflow_state IN SHARE MODE")
            let desk = Desk()
            let begun = ContinuousClock.now
            let ids = try await withThrowingTaskGroup(of: UniqueID.self) { group in
                for number in 0..<Self.count {
                    group.addTask {
                        try await Self.ask(client, number) { desk.note($0, of: number) }
                    }
                }
                do {
                    try await eventually(within: .seconds(10), "all but those who wait were turned away") {
                        desk.visits.count >= Self.count - Self.places
                    } explain: {
                        "\(desk.visits.count) were"
                    }
                } catch {
                    // Without this those who wait would wait for ever.
                    await holder.close()
                    throw error
                }
                _ = try await holder.query("ROLLBACK")
                await holder.close()
                var ids: [UniqueID] = []
                for try await id in group { ids.append(id) }
                return ids
            }
            for (number, refusals) in desk.visits {
                #expect(refusals.allSatisfy { ($0.retryAfter ?? 0) >= 1 }, "\(number): a 429 without Retry-After")
            }
            #expect(Set(ids).count == Self.count)
            Measurement.note("door-accepted", "RoadTests.narrow", ContinuousClock.now - begun)
            try await shared.complete(ids, within: .seconds(30))
            #expect(
                try await shared.record.number("SELECT count(*)::text FROM workflows WHERE name LIKE 'narrow-%'")
                    == Self.count, "who came again made no second workflow")
            #expect(try await shared.record.stagesCompleted(ids) == Self.count)
            #expect(
                try await shared.record.number(
                    "SELECT count(*)::text FROM tasks WHERE workflow_id = ANY ($1::text::uuid[])",
                    [.text(Record.list(ids))]) == Self.count, "one attempt each")
            try await shared.stack.stop(Self.component)
            try await shared.checkConservation()
        }

        /// Who was turned away, and with which answers.
        private final class Desk: Sendable {
            private let refusals = Mutex<[Int: [WorkflowClient.Answer]]>([:])

            var visits: [Int: [WorkflowClient.Answer]] { refusals.withLock { $0 } }

            func note(_ answer: WorkflowClient.Answer, of number: Int) {
                refusals.withLock { $0[number, default: []].append(answer) }
            }
        }

        /// Asks for a workflow under one key, and again after the given time whenever it is turned away.
        private static func ask(
            _ client: WorkflowClient, _ number: Int, onRefusal: (WorkflowClient.Answer) -> Void
        ) async throws -> UniqueID {
            let body: JSONValue = [
                "type": "one", "name": .string("narrow-\(number)"), "idempotency_key": .string("narrow-\(number)"),
            ]
            while true {
                let answer = try await client.send("POST", "/api/v1/workflows", body)
                if answer.status == 429 || answer.status == 503 {
                    // A 503 would be a busy machine's; what the test waits for is the other.
                    if answer.status == 429 { onRefusal(answer) }
                    try await Task.sleep(for: .seconds(answer.retryAfter ?? 1))
                    continue
                }
                #expect(answer.status == 201, "\(answer.body)")
                return try #require(answer.body["id"]?.stringValue.flatMap { UniqueID($0) })
            }
        }

        /// An orchestrator beside the others, at whose door few may wait.
        private func addNarrowOrchestrator(to shared: TestStack) async throws -> WorkflowClient {
            let configuration = shared.stack.configuration
            let port = try #require(LoopbackPort.free())
            var environment = await shared.stack.clientEnvironment
            environment.merge(
                [
                    "PATH": "/usr/local/bin:/usr/bin:/bin", "BATON_HOST": "127.0.0.1", "BATON_PORT": "\(port)",
                    "BATON_MAX_WAITING": "\(Self.places)",
                    // Marks it as part of the stack, so that it is swept away if this process is killed.
                    "BATON_STACK": configuration.dataDirectory, "BATON_OWNER": "\(ProcessIdentity.current)",
                ]
            ) { $1 }
            environment["BATON_SHARE_DIR"] = configuration.shareDirectory
            try await shared.stack.add(
                ProcessSpecification(
                    name: Self.component,
                    command: DaemonCommand(
                        executable: configuration.binDirectory + "/baton-orchestrator", environment: environment,
                        logFile: "\(configuration.dataDirectory)/logs/\(Self.component).log"),
                    readiness: .http(host: "127.0.0.1", port: port, path: "/health/ready"), port: port))
            // Who waits gets no answer before there is room.
            return WorkflowClient(urls: ["http://127.0.0.1:\(port)"], token: shared.client.token, patience: 60)
        }
    }
}
