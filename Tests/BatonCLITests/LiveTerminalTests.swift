import Foundation
import JSONTools
import LocalStack
import Testing

/// The live view on a terminal: `scripts/record-live` runs `baton` on one and reads what a person would see.
@Suite("The live view on a terminal")
struct LiveTerminalTests {
    struct Recording {
        var json: JSONValue
        var frames: [[String]] {
            (json["frames"]?.arrayValue ?? []).map { ($0["lines"]?.arrayValue ?? []).compactMap(\.stringValue) }
        }
        var hidden: [Bool] { (json["frames"]?.arrayValue ?? []).compactMap { $0["cursor_hidden"]?.boolValue } }
        var exit: Int? { json["exit"]?.intValue }
    }

    private static let script =
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("scripts/record-live").path

    private func record(
        _ baton: Installation, _ options: [String], _ arguments: [String], environment more: [String: String] = [:]
    ) async throws -> Recording {
        let words = [Self.script, "--json"] + options + ["--", try Installation.program()] + arguments
        let environment = baton.environment.merging(["TERM": "xterm"]) { $1 }.merging(more) { $1 }
        let command = ShortCommand(
            "/usr/bin/python3", words, environment: environment, in: baton.directory, timeout: .seconds(60))
        let outcome = try await command.run()
        try #require(outcome.status == 0, "\(outcome.errors)")
        return Recording(
            json: try JSONValue(parsing: Array(outcome.output.utf8), limits: JSONLimits(maxBytes: 16 << 20)))
    }

    @Test("a run is drawn over itself; what stays is a line a stage and how it ended; the cursor comes back")
    func run() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let recording = try await record(baton, ["--columns", "80", "--rows", "24"], ["run", "app", "good"])
            #expect(recording.exit == 0)
            #expect(recording.json["unknown"] == [] && recording.json["scrolled"] == [])
            let headings = recording.frames.map { $0.count { $0.hasPrefix("good  app, 3 stages") } }
            #expect(headings.allSatisfy { $0 <= 1 }, "no frame is drawn twice: \(recording.frames)")
            #expect(recording.frames.contains { $0.contains { $0.contains("  · deployment ") } }, "what is to come")
            #expect(recording.frames.contains { $0.contains { $0.hasPrefix("  │ validation  line ") } }, "the log")
            #expect(recording.hidden.contains(true) && recording.hidden.last == false)
            let last = try #require(recording.frames.last)
            #expect(last[1] == "  ✔ scaffolding   scaffold        1.2 s  fact 0[31m")
            #expect(last[3].hasPrefix("  ✔ deployment    deployment      3.7 s"))
            #expect(last.contains { $0.hasPrefix("✔ good completed in 1 m 05 s and runs at") })
            #expect(!last.contains { $0.contains("Ctrl-C") || $0.contains("│") }, "what moved is gone")
        }
    }

    @Test("Ctrl-C gives the cursor back and says how to come back; SIGTERM gives it back, too")
    func interrupt() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let recording = try await record(baton, ["--key", "2:INT"], ["run", "app", "endless"])
            #expect(recording.exit == 130)
            #expect(recording.hidden.contains(true) && recording.hidden.last == false)
            let last = try #require(recording.frames.last)
            #expect(last.contains("endless goes on without you:"))
            #expect(last.contains { $0.contains("validation") }, "the stages stay in sight")
            #expect(!last.contains { $0.contains("leaves it running") })
            let ended = try await record(baton, ["--key", "2:TERM"], ["watch", "endless"])
            #expect(ended.exit == -15)
            #expect(ended.hidden.contains(true) && ended.hidden.last == false)
            #expect(ended.json["wraps"] == true)
        }
    }

    @Test("Ctrl-Z gives the cursor back until it goes on")
    func suspended() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let keys = ["--key", "2:TSTP", "--key", "3:CONT", "--key", "5:INT"]
            let recording = try await record(baton, keys, ["run", "app", "endless"])
            #expect(recording.exit == 130)
            let changes = recording.hidden.reduce(into: [Bool]()) { if $0.last != $1 { $0.append($1) } }
            #expect(changes == [true, false, true, false] || changes == [false, true, false, true, false])
        }
    }

    @Test("a terminal that becomes narrow and low shows one frame that fits, and again when it grows")
    func resize() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let sizes = ["--columns", "100", "--resize", "2:34x7", "--resize", "4:120x30", "--key", "6:INT"]
            let recording = try await record(baton, sizes, ["run", "app", "endless"])
            #expect(recording.exit == 130)
            let narrow = recording.frames.filter { $0.contains { $0.contains("1 of 3 stages") && $0.hasSuffix("…") } }
            #expect(!narrow.isEmpty, "\(recording.frames)")
            #expect(narrow.allSatisfy { $0.count <= 6 && $0.allSatisfy { $0.count < 34 } })
            let wide = recording.frames.filter { $0.last == "  1 of 3 stages" || $0.last?.contains("Ctrl-C") == true }
            #expect(wide.allSatisfy { $0.count { $0.hasPrefix("endless  app") } == 1 }, "\(wide)")
        }
    }

    @Test("NO_COLOR leaves the colours out; TERM=dumb gets plain lines")
    func plain() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let raw = #"import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"#
            func bytes(_ name: String, _ more: [String: String]) async throws -> String {
                try await ShortCommand(
                    "/usr/bin/python3", ["-c", raw, try Installation.program(), "run", "app", name],
                    environment: baton.environment.merging(["TERM": "xterm"]) { $1 }.merging(more) { $1 },
                    in: baton.directory, timeout: .seconds(60)
                ).run().output
            }
            #expect(try await bytes("one", [:]).contains("\u{1B}[32m✔"))
            let uncoloured = try await bytes("two", ["NO_COLOR": "1"])
            #expect(uncoloured.contains("\u{1B}[?25l") && !uncoloured.contains("m✔") && !uncoloured.contains("[0m"))
            let dumb = try await bytes("three", ["TERM": "dumb"])
            #expect(!dumb.contains("\u{1B}") && dumb.contains("  ✔ scaffolding"))
        }
    }
}
