import JSONTools
import Testing
import WorkflowCore

@testable import WorkflowStorage

extension WithRecord {
    @Suite struct LogOrderTests {
        @Test("log lines are numbered in the order in which they came, and a second time not at all")
        func order() async throws {
            try await StoreFixture.with { record in
                let past = try await record.now()
                var attempts: [NewTask] = []
                for _ in 0..<5 { attempts.append(record.attempt(of: try await record.makeWorkflow(at: past))) }
                try await record.commit { [attempts] save in save.tasks = attempts }
                let lines = (1...40).map { number in
                    let task = attempts[number * 3 % 5]
                    return LogRow(
                        workflowID: task.workflowID, taskID: task.reference.taskID, attempt: 1, line: number, at: past,
                        level: "info", stream: "agent", text: "line \(number)")
                }
                try await record.watch.append(lines)
                try await record.watch.append(lines)
                #expect(try await record.number("SELECT count(*) FROM logs") == 40)
                let inPlace = try await record.number(
                    """
                    SELECT count(*) FROM (SELECT line, row_number() OVER (ORDER BY id) AS place FROM logs) AS l
                    WHERE line = place
                    """)
                #expect(inPlace == 40)
            }
        }
    }
}
