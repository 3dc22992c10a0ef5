import JSONTools
import PostgresDriver
import Testing
import WorkflowCore
import WorkflowStorage

extension WithRecord {
    /// An orchestrator that is stopped in the middle of a batch keeps nobody waiting for long.
    @Suite struct IdleTransactionTests {
        @Test("A transaction that is left alone ends: others get its rows, and its own commit comes to nothing")
        func idle() async throws {
            try await StoreFixture.with { record in
                let id = try await record.makeWorkflow()
                let request = BatchRequest(workflows: [id], waits: true, factsOf: [], keys: [])
                let stopped = PostgresBatchSession(
                    configuration: record.configuration, idleTimeout: .milliseconds(200))
                let load = try await stopped.begin(request)
                #expect(load.locked.map(\.id) == [id])

                // Waits until the server has ended the other transaction.
                let other = try await record.session.begin(request)
                #expect(other.locked.map(\.id) == [id])
                await record.session.abandon()

                var generator = SystemRandomNumberGenerator()
                let save = BatchSave(id: .v7(at: load.now, using: &generator), now: load.now)
                await #expect(throws: BatchError.self, "another connection has no locks") {
                    try await stopped.commit(save)
                }
                #expect(try await record.session.wasCommitted(save.id) == false)
                let again = try await stopped.begin(request)
                #expect(again.locked.map(\.id) == [id], "its session goes on with another connection")
                await stopped.close()
            }
        }
    }
}
