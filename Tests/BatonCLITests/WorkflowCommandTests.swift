import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

@Suite("baton run and the other commands about workflows", .serialized)
struct WorkflowCommandTests {
    @Test("run prints a line a stage and then where everything is")
    func success() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let current = baton.data + "/deployments/good/current"
            try FileManager.default.createDirectory(atPath: current, withIntermediateDirectories: true)
            let manifest =
                #"{"health": "/health", "e2e": {"endpoints": [{"path": "/health"}, {"path": "/health?x=7*6"}]}}"#
            try manifest.write(toFile: current + "/baton.json", atomically: true, encoding: .utf8)
            let outcome = try await baton.baton("run", "app", "good", "-i", "port=4100", "-i", "entities=[1]")
            #expect(outcome.status == 0)
            let lines = outcome.lines
            #expect(lines[0].hasPrefix("good  app, 3 stages  0190a000"))
            let stages = lines.filter { $0.hasPrefix("  ✔") }
            #expect(stages.count == 3)
            #expect(stages[0] == "  ✔ scaffolding   scaffold       1.2 s  fact 0[31m", "\(stages[0].debugDescription)")
            #expect(stages[2].hasPrefix("  ✔ deployment    deployment     3.7 s  fact 2"))
            let url = try #require(StackRecord.load(from: baton.data)?.url)
            #expect(lines.contains("✔ good completed in 1 m 05 s and runs at \(url)"))
            #expect(lines.contains("  try it    curl -s '\(url)/health?x=7*6'"))
            #expect(lines.contains(#"            {"status": "ok"}"#))
            let report = try #require(lines.first { $0.hasPrefix("  report    ") }?.dropFirst(12))
            #expect(try String(contentsOfFile: String(report), encoding: .utf8) == "<html>report</html>")
            #expect(!outcome.output.contains("\u{1B}"), "no colours and no control characters outside a terminal")
        }
    }

    @Test("a failure prints the cause, the last log lines and the next command, and exits with 1")
    func failure() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let outcome = try await baton.baton("run", "app", "bad")
            #expect(outcome.status == 1)
            #expect(
                outcome.lines.contains("  ✘ validation    validation     2.4 s  TESTS_FAILED: 2 of 14 tests failed"))
            #expect(outcome.lines.contains("✘ bad failed in validation"))
            #expect(outcome.lines.contains("  | line 20"))
            #expect(!outcome.lines.contains("  | line 5"))
            #expect(
                outcome.output.contains("next: `baton logs 0190a000-0000-7000-8000-000000000001 --stage validation`"))
        }
    }

    @Test("a further attempt is told with what ended the one before")
    func attempts() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let outcome = try await baton.baton("run", "app", "retried")
            #expect(outcome.status == 0)
            #expect(outcome.lines.contains("  ↻ validation: attempt 2 after LEASE_LOST: the agent died"))
        }
    }

    @Test("JSON on demand, exit status as ever; a cancelled workflow exits with 2")
    func jsonAndCancel() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let bad = try await baton.baton("run", "app", "bad", "--json")
            #expect(bad.status == 1)
            #expect(try bad.json()["error"]?["code"] == "TESTS_FAILED")

            let created = try await baton.baton(
                "run", "app", "endless", "--detach", "--json", "-p", "high", "-r", "words")
            let workflow = try created.json()
            #expect(workflow["priority"] == "high")
            #expect(workflow["requirements"] == "words")
            #expect(try await baton.baton("cancel", "endless").status == 0)
            #expect(try await baton.baton("watch", "endless").status == 2)
            #expect(try await baton.baton("show", "last", "--json").json()["status"] == "cancelled")
        }
    }

    @Test("Ctrl-C leaves the workflow running and says how to come back")
    func detachByInterrupt() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let log = baton.directory + "/run.log"
            let process = try await baton.start("run", "app", "endless", log: log)
            try await eventually("the first stage is printed") {
                LogTail.lines(of: log, count: 50).contains { $0.contains("✔ scaffolding") }
            }
            process.identity.send(SIGINT)
            #expect(await process.waitForExit() == .exited(130))
            let lines = LogTail.lines(of: log, count: 50)
            #expect(lines.contains("endless goes on without you:"))
            #expect(lines.contains { $0.contains("baton watch 0190a000") })
            #expect(try await baton.baton("show", "endless", "--json").json()["status"] == "running")
        }
    }

    @Test("lists, logs, artifacts, agents, definitions")
    func reading() async throws {
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("list").output.hasPrefix("No workflows."))
            #expect(try await baton.baton("run", "app", "good").status == 0)
            let list = try await baton.baton("list")
            #expect(list.lines.count == 2)
            #expect(list.lines[1].hasPrefix("0190a000-0000-7000-8000-000000000001  app   good  completed"))
            let logs = try await baton.baton("logs", "good", "-n", "2")
            #expect(logs.lines == ["12:00:19 validation   line 19", "12:00:20 validation   line 20"])
            #expect(try await baton.baton("logs", "good", "-n", "0").errors.isEmpty)
            let other = try await baton.baton("logs", "good", "--stage", "deployment")
            #expect(other.output.isEmpty && other.errors == "This stage wrote no log.\n")
            let none = try await baton.baton("list", "--type", "my type", "-q", "zzz")
            #expect(none.output == "No workflow fits --type 'my type' -q zzz. `baton list` shows all.\n")
            let wrong = try await baton.baton("logs", "good", "--stage", "validaton")
            #expect(wrong.status == 66)
            #expect(wrong.errors.contains("did you mean validation?"))
            #expect(try await baton.baton("show", "0190a000", "--json").json()["name"] == "good")
            #expect(try await baton.baton("run", "app", "bad").status == 1)
            let either = try await baton.baton("cancel", "0190a000")
            #expect(either.status == 64)
            #expect(either.errors.contains("2 workflows have an id that begins with \"0190a000\""))
            let artifacts = try await baton.baton("artifacts", "good", "--download", "files")
            #expect(artifacts.output == "files/validation/report.html\n")
            #expect(try await baton.baton("agents").lines.last?.hasPrefix("a1     scaffold  running") == true)
            #expect(try await baton.baton("definitions").lines.last == "app   3       An app")
        }
    }

    @Test("logs -f prints every line once, over the breaks of its stream, until the workflow has ended")
    func followLogs() async throws {
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("run", "app", "good", "--detach").status == 0)
            let followed = try await baton.baton("logs", "good", "-f", "--json")
            #expect(followed.status == 0)
            let numbers = try followed.lines.map { try JSONValue(parsing: $0)["n"]?.intValue }
            #expect(numbers == Array(1...20))
        }
    }

    @Test("a workflow is paused, resumed, cancelled with a reason; what its state doesn't allow names the next command")
    func control() async throws {
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("run", "app", "endless", "--detach").status == 0)
            let paused = try await baton.baton("pause", "endless", "-m", "lunch")
            #expect(paused.status == 0)
            let id = "0190a000-0000-7000-8000-000000000001"
            #expect(paused.lines.first?.hasPrefix("endless is paused.") == true)
            #expect(paused.lines.last == "next: `baton resume \(id)` goes on")
            #expect(try await baton.baton("show", "endless", "--json").json()["status"] == "paused")
            #expect(try await baton.baton("resume", "endless", "--json").json()["status"] == "running")
            let early = try await baton.baton("retry", "endless")
            #expect(early.status == 76)
            #expect(early.errors.contains("next: `baton cancel \(id)` ends it"))
            let cancelled = try await baton.baton("cancel", "endless", "--reason", "changed my mind", "--json")
            #expect(try cancelled.json()["reason"] == "changed my mind")
            for command in ["pause", "resume", "cancel"] {
                let late = try await baton.baton(command, "endless")
                #expect(late.status == 76, "\(command)")
                #expect(late.errors.contains("next: `baton retry \(id) --dry-run` lists what could run again"))
            }
            let silent = try await baton.baton("answer", "endless", "a=1")
            #expect(silent.status == 76)
            #expect(silent.errors.contains("next: `baton show \(id)`"))
        }
    }

    @Test("a dry run of a retry tells what would run again and the command that does it; the retry runs it")
    func retry() async throws {
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("run", "app", "bad").errors.isEmpty)
            let id = "0190a000-0000-7000-8000-000000000001"
            let plan = try await baton.baton("retry", "bad", "--from", "validation", "--dry-run")
            #expect(
                plan.lines == [
                    "A retry of bad would run again:", "  STAGE       AGENT       WAS     GENERATION",
                    "  validation  validation  failed  2", "It would keep the results of scaffolding.",
                    "next: `baton retry \(id) --from validation --expect-version 7` does it",
                ])
            #expect(try await baton.baton("retry", "bad", "--dry-run", "--json").json()["version"] == 7)
            let stale = try await baton.baton("retry", "bad", "--expect-version", "6")
            #expect(stale.status == 76 && stale.errors.contains("It is at version 7"))
            #expect(stale.errors.contains("next: `baton retry \(id) --dry-run`"))
            let wrong = try await baton.baton("retry", "bad", "--from", "x")
            #expect(wrong.status == 65 && wrong.errors.contains("/from_stage: no such stage"))
            let again = try await baton.baton("retry", "bad")
            #expect(again.status == 0)
            #expect(again.lines.last == "next: `baton watch \(id)` follows it")
        }
    }

    @Test("questions are told in run, show and answer, with the command that answers them")
    func answers() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let log = baton.directory + "/run.log"
            let process = try await baton.start("run", "app", "asking", log: log)
            let command = "baton answer 0190a000-0000-7000-8000-000000000001 colour=… size=…"
            try await eventually("the questions are printed") {
                LogTail.lines(of: log, count: 50).contains("    answer: `\(command)`")
            }
            #expect(LogTail.lines(of: log, count: 50).contains("      colour: Which colour? (red, 7)"))
            let show = try await baton.baton("show", "asking")
            #expect(show.lines.contains { $0.hasPrefix("waits for  answers to 2 questions of validation, for ") })
            #expect(show.lines.contains { $0.hasSuffix(": somebody knows") })
            #expect(show.lines.contains("answer: `\(command)`"))
            #expect(try await baton.baton("answer", "asking").lines.last == "next: `\(command)`")
            let broken = try await baton.baton("answer", "asking", "red")
            #expect(broken.status == 64 && broken.errors.contains("next: `\(command)`"))
            let stale = try await baton.baton("answer", "asking", "--round", "2", "colour=7", "size=42")
            #expect(stale.status == 76 && stale.errors.contains("next: `baton answer 0190a000"))
            let given = try await baton.baton("answer", "asking", "colour=7", "size=42", "--json")
            #expect(
                try given.json()["answers"] == [
                    ["id": "colour", "value": "7"], ["id": "size", "value": 42],
                ])
            #expect(await process.waitForExit() == .exited(0))
        }
    }

    @Test("approve and reject answer what is asked with yes and no; of other questions the answering command is told")
    func verdicts() async throws {
        try await withInstallation { baton in
            try await baton.up()
            for name in ["gated", "asking", "endless"] {
                #expect(try await baton.baton("run", "app", name, "--detach").status == 0)
                try await eventually("\(name) is in its second stage") {
                    let shown = try? await baton.baton("show", name, "--json").json()
                    return ["running", "awaiting_answers"].contains(shown?["stages"]?[1]?["status"]?.stringValue)
                }
            }
            let said = try await baton.baton("reject", "gated", "-m", "not on a Friday", "--json").json()
            #expect(said["answers"] == [["id": "go", "value": "Reject"]])
            #expect(said["reason"] == "not on a Friday")
            let late = try await baton.baton("approve", "gated")
            #expect(late.status == 76 && late.errors.contains("gated asks nothing"), "\(late.errors)")
            let other = try await baton.baton("approve", "asking")
            #expect(other.status == 65)
            #expect(other.errors.contains("  | colour: Which colour? (red, 7)\n"))
            #expect(other.errors.contains("next: `baton answer 0190a000-0000-7000-8000-000000000002 colour=… size=…`"))
            #expect(try await baton.baton("reject", "endless").status == 76)
            #expect(try await baton.baton("approve", "asking", "--stage", "validaton").errors.contains("did you mean"))
            #expect(try await baton.baton("run", "app", "gated", "--detach").status == 0)
            try await eventually("the newer one asks, too") {
                try await baton.baton("show", "gated", "--json").json()["questions"]?.arrayValue?.isEmpty == false
            }
            let approved = try await baton.baton("approve", "gated")
            #expect(approved.status == 0 && approved.lines.first == "Deploy it? Approve")
        }
    }

    @Test("lists are read to their end, page by page")
    func pages() async throws {
        try await withInstallation { baton in
            try await baton.up()
            for name in ["p1", "p2", "p3", "p4"] {
                #expect(try await baton.baton("run", "app", name, "--detach").status == 0)
            }
            func ids(_ arguments: String..., key: String) async throws -> [String] {
                let outcome = try await ShortCommand(
                    try Installation.program(), arguments + ["--json"], environment: baton.environment
                ).run()
                let page = try JSONValue(parsing: outcome.output)
                #expect(page["next_cursor"] == .null)
                return (page["items"]?.arrayValue ?? []).compactMap { $0[key]?.stringValue }
            }
            #expect(try await ids("agents", key: "agent_id") == ["a3", "a2", "a1"])
            #expect(try await ids("definitions", key: "name") == ["aap", "app"])
            #expect(try await ids("token", key: "name") == ["ci", "admin"])
            #expect(try await ids("dead", key: "kind") == ["task", "message"])
            #expect(try await ids("list", key: "name") == ["p4", "p3", "p2", "p1"])
            let first = try await baton.baton("list", "-n", "3")
            #expect(first.lines.count == 5 && first.lines.last == "More with --limit or --search.")
            #expect(try await baton.baton("list", "-n", "3", "--json").json()["next_cursor"] == "3")
            // Neither a token nor a workflow has to be on the first page to be found by name.
            #expect(try await baton.baton("show", "p1", "--json").json()["name"] == "p1")
            #expect(try await baton.baton("token", "revoke", "admin").output.hasPrefix("admin is revoked"))
        }
    }

    @Test("dead letters are listed, shown, redriven and dropped")
    func deadLetters() async throws {
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("run", "app", "bad").status == 1)
            let list = try await baton.baton("dead")
            #expect(list.lines.count == 4)
            #expect(
                list.lines[1].hasPrefix(
                    "0190b001-0000-7000-8000-000000000001  task     open   TOOL_FAILED   bad       validation"))
            let show = try await baton.baton("dead", "show", "0190b001")
            #expect(show.lines.contains("stage      validation, generation 1, attempt 3"))
            #expect(show.lines.contains(#"  "a": ["#), "the content, indented")
            #expect(
                show.output.contains("dead redrive 0190b001-0000-7000-8000-000000000001` runs the workflow again from"))
            let task = try await baton.baton("dead", "redrive", "0190b001")
            #expect(task.lines.first == "bad runs again from validation.")
            let message = try await baton.baton("dead", "redrive", "0190b000")
            #expect(message.lines.first == "The message is back on orchestrator:results.")
            let again = try await baton.baton("dead", "drop", "0190b000")
            #expect(again.status == 76 && again.errors.contains("next: `baton dead show 0190b000"))
            #expect(try await baton.baton("dead", "list").output == "No dead letter is open.\n")
            #expect(try await baton.baton("dead", "list", "--all", "--json").json()["items"]?.arrayValue?.count == 2)
            let unknown = try await baton.baton("dead", "show", "ffff")
            #expect(unknown.status == 66 && unknown.errors.contains("next: `baton dead list --all`"))
            let both = try await baton.baton("dead", "drop", "0190b")
            #expect(both.status == 66 && both.errors.contains("several ids begin so"))
        }
    }

    @Test("mistakes are told with the next command to try")
    func mistakes() async throws {
        try await withInstallation { baton in
            let down = try await baton.baton("list")
            #expect(down.status == 69)
            #expect(down.errors.contains("next: `baton up --detach` starts one"))
            try await baton.up()
            let type = try await baton.baton("run", "ap", "x")
            #expect(type.status == 65)
            let fault = "error: The workflow is not valid: /type: no such type; did you mean app?\n"
            #expect(type.errors.hasPrefix(fault + "next: "), "once: \(type.errors)")
            let unknown = try await baton.baton("show", "nothing", environment: ["BATON_COMMAND": "scripts/baton"])
            #expect(unknown.status == 66)
            #expect(unknown.errors.contains("next: `scripts/baton list`"))
            let token = try await baton.baton("list", "--json", environment: ["BATON_TOKEN": "wrong"])
            #expect(token.status == 77)
            #expect(try JSONValue(parsing: token.errors)["exit_status"] == 77)
            #expect(try await baton.baton("list", "--url", "http://127.0.0.1:1").status == 69)
            #expect(try await baton.baton("frobnicate").status == 64)
            let file = baton.directory + "/d.yaml"
            try "name: x\n".write(toFile: file, atomically: true, encoding: .utf8)
            let invalid = try await baton.baton("validate", file)
            #expect(invalid.status == 65)
            #expect(invalid.output == "\(file):3:5: is missing (/stages)\n")
        }
    }
}
