import Foundation
import JSONTools
import PostgresDriver
import Testing

@testable import WorkflowCore
@testable import WorkflowStorage

extension WithRecord {
    /// What has been over for long enough goes, with all that belongs to it; nothing else does.
    @Suite struct RetentionTests {
        private static let days = 90

        /// A moment so many days ago.
        private func moment(_ daysAgo: Int, in record: StoreFixture) async throws -> Timestamp {
            try await record.now() - .seconds(Int64(daysAgo) * 86_400)
        }

        /// Makes the partitions of the month that a moment lies in.
        ///
        /// - Returns: the month, as the partitions' names end.
        private func makeMonth(of moment: Timestamp, in record: StoreFixture) async throws -> String {
            let row = try await record.pool.query(
                """
                SELECT to_char(m, 'YYYYMM'), (extract(epoch FROM m) * 1000)::bigint,
                    (extract(epoch FROM m + interval '1 month') * 1000)::bigint
                FROM date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC') AS m
                """,
                [.timestamp(PostgresTimestamp(microseconds: moment.microseconds))]
            ).only()
            let month = try row.text(0)
            let from = PostgresMaintenance.firstID(ofMilliseconds: try row.int8(1))
            let to = PostgresMaintenance.firstID(ofMilliseconds: try row.int8(2))
            for table in ["tasks", "task_payloads", "events", "logs"] {
                try await record.run(
                    "CREATE TABLE \(table)_\(month) PARTITION OF \(table) FOR VALUES FROM ('\(from)') TO ('\(to)')")
            }
            return month
        }

        /// A workflow with a row in every table, that was recorded and ended so many days ago.
        private func makeOld(
            _ daysAgo: Int, in record: StoreFixture, isTerminal: Bool = true, artifact: String? = nil
        ) async throws -> UniqueID {
            let past = try await moment(daysAgo, in: record)
            let id = try await record.makeWorkflow(at: past, isTerminal: isTerminal)
            let task = record.attempt(of: id)
            try await record.commit { save in
                save.tasks = [task]
                save.events = [
                    (
                        workflowID: id,
                        record: AuditRecord(
                            sequence: 1, kind: .workflowCreated, severity: .info, actor: "ann", data: [:])
                    )
                ]
                save.outputs = [
                    (
                        workflowID: id,
                        acceptance: StageAcceptance(
                            stage: "build", generation: 1, output: [:], commit: nil,
                            artifacts: artifact.map {
                                [["name": "a", "type": "t", "sha256": .string($0), "size_bytes": 1]]
                            } ?? [])
                    )
                ]
                save.questions = [
                    NewQuestion(
                        workflowID: id, stage: "build", generation: 1, round: 1, taskID: id, attempt: 1, id: "q",
                        text: "?", options: [], expiresAt: save.now)
                ]
                save.parked = [
                    NewParkedTask(
                        workflowID: id, stage: "build", generation: 1, taskID: task.reference.taskID, attempt: 1,
                        faultCode: "X", faultMessage: "", causeClass: "failure")
                ]
                save.timers = isTerminal ? [] : [(workflowID: id, due: save.now + .seconds(60))]
            }
            try await record.watch.append([
                LogRow(
                    workflowID: id, taskID: task.reference.taskID, attempt: 1, line: 1, at: past, level: "info",
                    stream: "agent", text: "line")
            ])
            if isTerminal {
                try await record.run(
                    "UPDATE workflows SET completed_at = now() - interval '\(daysAgo) days' WHERE id = '\(id)'")
            }
            return id
        }

        private static let tables = [
            "workflow_state", "workflows", "outputs", "questions", "timers", "dead_letters", "artifacts", "tasks",
            "task_payloads", "events", "logs",
        ]

        /// In which tables something of a workflow is left.
        private func traces(of id: UniqueID, in record: StoreFixture) async throws -> Set<String> {
            var found: Set<String> = []
            for table in Self.tables {
                let column = table == "workflow_state" || table == "workflows" ? "id" : "workflow_id"
                let count = try await record.number("SELECT count(*) FROM \(table) WHERE \(column) = '\(id)'")
                if count > 0 { found.insert(table) }
            }
            return found
        }

        private func retention(_ record: StoreFixture) -> PostgresRetention {
            PostgresRetention(pool: record.pool, days: Self.days)
        }

        @Test("Ended workflows past their time go with all their rows; running, fresh and lately ended ones stay")
        func rows() async throws {
            try await StoreFixture.with { record in
                let gone = try await makeOld(100, in: record)
                let running = try await makeOld(100, in: record, isTerminal: false)
                let fresh = try await makeOld(80, in: record)
                // It ran for long, or was retried: what counts is when it ended.
                let lately = try await makeOld(100, in: record)
                try await record.run("UPDATE workflows SET completed_at = now() WHERE id = '\(lately)'")
                let step = try await retention(record).removeExpired(after: nil) { _ in }
                #expect(step.workflows == [gone] && !step.mayHaveMore)
                #expect(
                    try await traces(of: gone, in: record) == [], "there was no partition: the default one is emptied")
                for id in [running, fresh, lately] {
                    let left = try await traces(of: id, in: record)
                    #expect(
                        left.isSuperset(of: [
                            "workflow_state", "workflows", "events", "tasks", "task_payloads", "logs", "outputs",
                        ]))
                }
            }
        }

        @Test("Batches go from the oldest on, and each says whether there may be more")
        func batches() async throws {
            try await StoreFixture.with { record in
                var ids: [UniqueID] = []
                for age in [99, 98, 97, 96, 95] { ids.append(try await makeOld(age, in: record)) }
                var removed: [UniqueID] = []
                var step = PostgresRetention.Step(workflows: [], mayHaveMore: true)
                while step.mayHaveMore {
                    step = try await retention(record).removeExpired(after: removed.last, limit: 2) { _ in }
                    removed += step.workflows
                }
                #expect(removed == ids)
            }
        }

        @Test("Files go before the commit, so that nothing cut short is forgotten; one orchestrator at a time removes")
        func oneAtATime() async throws {
            try await StoreFixture.with { record in
                let id = try await makeOld(100, in: record)
                _ = try await retention(record).removeExpired(after: nil) { leftovers in
                    #expect(leftovers.workflows == [id])
                    do {
                        let other = try await retention(record).removeExpired(after: nil) { _ in
                            Issue.record("two removed at once")
                        }
                        #expect(other.workflows.isEmpty && !other.mayHaveMore)
                        let left = try await traces(of: id, in: record)
                        #expect(left.contains("workflows"), "it is not committed before its files are gone")
                    } catch {
                        Issue.record(error)
                    }
                }
                #expect(try await traces(of: id, in: record) == [])
            }
        }

        @Test("A month's partitions go when its last workflow has gone, not before, and no month within the time")
        func partitions() async throws {
            try await StoreFixture.with { record in
                let past = try await moment(200, in: record)
                let month = try await makeMonth(of: past, in: record)
                let gone = try await makeOld(200, in: record)
                let running = try await makeOld(200, in: record, isTerminal: false)
                let retention = retention(record)
                _ = try await retention.removeExpired(after: nil) { _ in }
                #expect(
                    try await traces(of: gone, in: record) == ["tasks", "task_payloads", "events", "logs"],
                    "they go with the month")
                #expect(try await retention.dropPartitions() == [], "one workflow of the month still runs")
                try await record.run(
                    """
                    UPDATE workflow_state SET is_terminal = true;
                    UPDATE workflows SET completed_at = now() - interval '100 days'
                    """)
                _ = try await retention.removeExpired(after: nil) { _ in }
                #expect(
                    try await retention.dropPartitions()
                        == ["events_\(month)", "logs_\(month)", "task_payloads_\(month)", "tasks_\(month)"])
                #expect(try await traces(of: gone, in: record).isEmpty)
                #expect(try await traces(of: running, in: record).isEmpty)
                #expect(try await retention.dropPartitions() == [])
                // What comes now still finds its place.
                _ = try await makeOld(0, in: record, isTerminal: false)
            }
        }

        @Test("A partition that somebody holds is left for the next time")
        func busyPartition() async throws {
            try await StoreFixture.with { record in
                let month = try await makeMonth(of: moment(200, in: record), in: record)
                let retention = retention(record)
                try await record.pool.withTransaction { connection in
                    _ = try await connection.query(
                        SQLText(unchecked: "LOCK TABLE events_\(month) IN ACCESS SHARE MODE"))
                    #expect(
                        try await retention.dropPartitions()
                            == ["logs_\(month)", "task_payloads_\(month)", "tasks_\(month)"])
                }
                #expect(try await retention.dropPartitions() == ["events_\(month)"])
            }
        }

        @Test("Partitions are made for this month and the next two, once")
        func partitionsAhead() async throws {
            try await StoreFixture.with { record in
                try await record.maintenance.makePartitions()
                let count =
                    "SELECT count(*) FROM pg_class WHERE relname ~ '^(tasks|task_payloads|events|logs)_[0-9]{6}$'"
                #expect(try await record.number(count) == 12)
            }
        }

        @Test(
            "Repositories go with their workflows; a stored file goes when nobody refers to it and it was not stored anew"
        )
        func files() async throws {
            try await StoreFixture.with { record in
                let directory = FileManager.default.temporaryDirectory.appendingPathComponent("retention-\(UUID())")
                    .path
                defer { try? FileManager.default.removeItem(atPath: directory) }
                let hashes = ["a", "b", "c"].map { String(repeating: $0, count: 64) }
                for hash in hashes {
                    let folder = "\(directory)/artifacts/\(hash.prefix(2))"
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(hash)"))
                    try FileManager.default.setAttributes(
                        [.modificationDate: Date(timeIntervalSinceNow: hash == hashes[2] ? -60 : -200_000)],
                        ofItemAtPath: "\(folder)/\(hash)")
                }
                let gone = try await makeOld(100, in: record, artifact: hashes[0])
                _ = try await makeOld(101, in: record, artifact: hashes[1])
                _ = try await makeOld(10, in: record, artifact: hashes[1])
                _ = try await makeOld(102, in: record, artifact: hashes[2])
                _ = try await makeOld(103, in: record, artifact: "../../../etc/passwd")
                let workspace = "\(directory)/workspaces/\(gone).git"
                try FileManager.default.createDirectory(
                    atPath: workspace + "/refs", withIntermediateDirectories: true)
                try FileManager.default.createSymbolicLink(
                    atPath: workspace + "/refs/link", withDestinationPath: directory + "/artifacts")
                let files = WorkflowFiles(dataDirectory: directory)
                _ = try await retention(record).removeExpired(after: nil) { leftovers in
                    #expect(leftovers.artifacts.contains(hashes[0]) && !leftovers.artifacts.contains(hashes[1]))
                    #expect(files.remove(leftovers) == [])
                }
                #expect(!FileManager.default.fileExists(atPath: workspace))
                let left = hashes.filter {
                    FileManager.default.fileExists(atPath: "\(directory)/artifacts/\($0.prefix(2))/\($0)")
                }
                #expect(left == Array(hashes[1...]), "one is in use, one was stored again a minute ago")
            }
        }

        @Test("Agents are forgotten after a week of silence, batches after a day, decided letters after the time")
        func others() async throws {
            try await StoreFixture.with { record in
                try await record.registerAgent("scaffold-1")
                try await record.registerAgent("scaffold-2")
                try await record.run(
                    "UPDATE agents SET last_heartbeat_at = now() - interval '8 days' WHERE agent_id = 'scaffold-1'")
                try await record.maintenance.forgetAgents()
                #expect(try await record.number("SELECT count(*) FROM agents") == 1)
                let living = try await record.makeWorkflow()
                try await record.watch.keep(
                    (0..<4).map {
                        DeadLetter(
                            kind: .message, source: "\($0)", cause: "INVALID_JSON", detail: "", bytes: [],
                            workflowID: $0 == 3 ? living : nil)
                    })
                try await record.run(
                    """
                    UPDATE dead_letters SET created_at = now() - interval '100 days';
                    UPDATE dead_letters SET state = 'dropped', resolved_at = now() - interval '100 days'
                    WHERE source = '0';
                    UPDATE dead_letters SET state = 'dropped', resolved_at = now() WHERE source = '1'
                    """)
                try await retention(record).removeLetters()
                let left = "SELECT count(*) FROM dead_letters WHERE source IN ('1', '3')"
                #expect(try await record.number(left) == 2, "one was decided on lately, one's workflow is there")
                #expect(try await record.number("SELECT count(*) FROM dead_letters") == 2)
                let limit = PostgresRetention.openLettersLimit
                try await record.run(
                    """
                    INSERT INTO dead_letters (id, kind, source, cause, detail, bytes)
                    SELECT gen_random_uuid(), 'message', 's', 'c', '', '' FROM generate_series(1, \(limit + 50))
                    """)
                try await retention(record).removeLetters()
                #expect(try await record.number("SELECT count(*) FROM dead_letters WHERE source = 's'") == limit)
            }
        }
    }
}
