import Foundation
import JSONTools
import Logging
import PostgresDriver
import Synchronization
import Testing
import WorkflowStorage

@testable import OrchestratorEngine

/// What a round of the retainer leaves, and what it says.
@Suite("What is over long ago goes, round by round", .serialized)
struct RetainerTests {
    /// Keeps what is logged.
    private final class Notes: LogHandler {
        let lines = Mutex<[String]>([])
        var logLevel: Logger.Level {
            get { .info }
            set { _ = newValue }
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set { _ = newValue }
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set { _ = newValue }
        }

        func log(event: LogEvent) {
            lines.withLock { $0.append("\(event.level): \(event.message) \(event.metadata ?? [:])") }
        }
    }

    private struct Trial {
        let fixture: EngineFixture
        let directory: String
        let notes = Notes()

        var retainer: Retainer {
            let notes = notes
            return Retainer(
                retention: PostgresRetention(pool: fixture.pool, days: 90),
                files: WorkflowFiles(dataDirectory: directory), logger: Logger(label: "test") { _ in notes })
        }

        /// Records workflows that were created and, if they are over, ended so many days ago.
        func add(_ count: Int, daysAgo: Int, isTerminal: Bool = true) async throws {
            let id = "gen_random_uuid()"
            let time = "(extract(epoch FROM now() - interval '\(daysAgo) days') * 1000)::bigint"
            _ = try await fixture.pool.query(
                SQLText(
                    unchecked: """
                        WITH made AS (
                            SELECT (lpad(to_hex(\(time)), 12, '0') || '7' || substr(replace(\(id)::text, '-', ''), 14))::uuid
                                AS id
                            FROM generate_series(1, \(count))
                        ), states AS (
                            INSERT INTO workflow_state (id, definition_hash, version, is_terminal, state, next_wake_at)
                            SELECT id, '', 1, \(isTerminal), '', now() FROM made
                        )
                        INSERT INTO workflows (id, type, definition_version, name, description, requirements, priority,
                            tenant, input, trace_id, created_by, status, progress, state_version, created_at, updated_at,
                            completed_at)
                        SELECT id, 'chain', 1, 'old', '', '', 'medium', 'default', '{}', '', 'ann',
                            '\(isTerminal ? "completed" : "running")', 0, 1, now(), now(),
                            \(isTerminal ? "now() - interval '\(daysAgo) days'" : "NULL")
                        FROM made
                        """))
        }

        func ids() async throws -> [String] {
            try await texts("SELECT id::text FROM workflow_state ORDER BY id")
        }

        func texts(_ sql: SQLText) async throws -> [String] {
            var found: [String] = []
            for row in try await fixture.pool.query(sql) { found.append(try row.text(0)) }
            return found
        }

        func makeRepository(_ id: String) throws -> String {
            let path = "\(directory)/workspaces/\(id).git"
            try FileManager.default.createDirectory(atPath: path + "/refs", withIntermediateDirectories: true)
            return path
        }
    }

    private func withTrial(_ body: (Trial) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "baton-retainer-" + UUID().uuidString.lowercased().prefix(8)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await withDatabase { try await body(Trial(fixture: $0, directory: directory)) }
    }

    @Test("one round takes all that is due, however much, with its files, and leaves what runs or ended lately")
    func round() async throws {
        try await withTrial { trial in
            try await trial.add(450, daysAgo: 120)
            let old = try await trial.ids()
            #expect(old.count == 450)
            try await trial.add(3, daysAgo: 10)
            try await trial.add(2, daysAgo: 200, isTerminal: false)
            let repositories = try [old[0], old[449]].map(trial.makeRepository)
            let staying = Set(try await trial.ids()).subtracting(old)
            let kept = try trial.makeRepository(try #require(staying.first))

            try await trial.retainer.round()
            #expect(Set(try await trial.ids()) == staying)
            #expect(try await trial.texts("SELECT count(*)::text FROM workflows") == ["5"])
            for path in repositories { #expect(!FileManager.default.fileExists(atPath: path)) }
            #expect(FileManager.default.fileExists(atPath: kept))
            let lines = trial.notes.lines.withLock { $0 }
            #expect(lines.count == 1 && lines[0].contains("450"), "\(lines)")

            try await trial.retainer.round()
            #expect(trial.notes.lines.withLock { $0.count } == 1, "where nothing is due nothing is said")
        }
    }

    @Test("a round drops the months that are empty and the letters that are past their time")
    func partitionsAndLetters() async throws {
        try await withTrial { trial in
            let range = try await trial.texts(
                """
                SELECT lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0')
                FROM unnest(ARRAY['2024-01-01Z'::timestamptz, '2024-02-01Z'::timestamptz]) AS t ORDER BY t
                """
            ).map { "\($0.prefix(8))-\($0.suffix(4))-0000-0000-000000000000" }
            _ = try await trial.fixture.pool.query(
                SQLText(
                    unchecked: """
                        CREATE TABLE events_202401 PARTITION OF events
                        FOR VALUES FROM ('\(range[0])') TO ('\(range[1])')
                        """))
            _ = try await trial.fixture.pool.query(
                """
                INSERT INTO dead_letters (id, kind, source, cause, detail, bytes, created_at)
                SELECT gen_random_uuid(), 'message', 's', 'c', name, '', now() - age
                FROM (VALUES ('old', interval '100 days'), ('new', interval '1 day')) AS letters (name, age)
                """)
            try await trial.retainer.round()
            #expect(try await trial.texts("SELECT detail FROM dead_letters") == ["new"])
            #expect(try await trial.texts("SELECT relname FROM pg_class WHERE relname = 'events_202401'") == [])
            #expect(trial.notes.lines.withLock { $0.first?.contains("events_202401") } == true)
        }
    }

    @Test("what can't be removed from the disk is named, and the record is cleared all the same")
    func stubbornFiles() async throws {
        try await withTrial { trial in
            try await trial.add(1, daysAgo: 120)
            let id = try await trial.ids()[0]
            let hash = String(repeating: "ab", count: 32)
            _ = try await trial.fixture.pool.query(
                SQLText(
                    unchecked: """
                        INSERT INTO artifacts (workflow_id, stage, generation, name, type, sha256, size_bytes, created_at)
                        VALUES ('\(id)', 's', 1, 'a', 't', '\(hash)', 1, now())
                        """))
            // A directory where a file is expected can't be unlinked, not even by root.
            let path = "\(trial.directory)/artifacts/ab/\(hash)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let longAgo = Date(timeIntervalSince1970: 1)
            try FileManager.default.setAttributes([.modificationDate: longAgo], ofItemAtPath: path)
            try await trial.retainer.round()
            #expect(try await trial.ids() == [])
            let lines = trial.notes.lines.withLock { $0 }
            #expect(lines.contains { $0.hasPrefix("warning") && $0.contains(hash) }, "\(lines)")
        }
    }

    @Test("it ends when it is cancelled")
    func cancellation() async throws {
        try await withTrial { trial in
            let retainer = trial.retainer
            let running = Task { await retainer.run() }
            running.cancel()
            await running.value
            #expect(trial.notes.lines.withLock { $0 } == [])
        }
    }
}
