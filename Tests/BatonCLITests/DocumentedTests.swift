import Foundation
import JSONTools
import LocalStack
import Testing

@testable import BatonCLI

/// What docs/cli.md and docs/operations.md promise to programs is what there is.
@Suite("What is documented for programs")
struct DocumentedTests {
    private static let checkout = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The rows of the table under a heading, as cells.
    private func table(_ heading: String, in file: String) throws -> [[String]] {
        let text = try String(contentsOfFile: "\(Self.checkout)/docs/\(file)", encoding: .utf8)
        let lines = text.components(separatedBy: "\n")
        let start = try #require(lines.firstIndex(of: heading), "\(file) has no \(heading)")
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private func quoted(_ text: String) -> [String] {
        text.components(separatedBy: "`").enumerated().compactMap { $0.offset % 2 == 1 ? $0.element : nil }
    }

    @Test("each --json document of the command line has the members that its table names, and no others")
    func members() async throws {
        let rows = try table("| command | members |", in: "cli.md")
        #expect(rows.count >= 18)
        try await withInstallation { baton in
            try await baton.up()
            #expect(try await baton.baton("run", "app", "good").status == 0)
            var documents: [[String]: JSONValue] = [:]
            for row in rows {
                let words = quoted(row[0])
                let arguments = Array(words[0].split(separator: " ").map(String.init).dropFirst())
                // `--json` stands before what is passed on to a program.
                let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
                if documents[arguments] == nil {
                    let outcome = try await ShortCommand(
                        try Installation.program(), arguments[..<end] + ["--json"] + arguments[end...],
                        environment: baton.environment.merging(["BATON_SHARE_DIR": Self.checkout + "/share"]) { $1 },
                        in: baton.directory, timeout: .seconds(60)
                    ).run()
                    documents[arguments] = try JSONValue(parsing: outcome.output)
                }
                var document = documents[arguments]
                if row[0].contains("→") {
                    let list = words.count > 1 ? document?[words[1]] : document
                    document = list?.arrayValue?.first
                }
                let members = document?.objectValue.map { $0.map(\.key) } ?? []
                #expect(Set(members) == Set(quoted(row[1])), "\(row[0])")
            }
        }
    }

    @Test("each exit code of baton is in the table of operations, and no other")
    func exitCodes() throws {
        let rows = try table("| code | `baton` | `baton-orchestrator` | agents |", in: "operations.md")
        let codes = rows.filter { !$0[1].isEmpty }.compactMap { Int32($0[0]) }
        #expect(codes.sorted() == ExitStatus.allCases.map(\.rawValue).sorted())
        for status in ExitStatus.allCases {
            #expect(ExitStatus.help.contains("\(status.rawValue) "), "the help of baton names \(status.rawValue)")
        }
    }

    @Test("each command is in docs/cli.md, and in the completions of each shell")
    func commands() async throws {
        let text = try String(contentsOfFile: "\(Self.checkout)/docs/cli.md", encoding: .utf8)
        let names = Set(BatonCommand.commandNames)
        #expect(names.count > 20)
        try await withInstallation { baton in
            var scripts: [String: String] = [:]
            for shell in ["bash", "zsh", "fish"] {
                scripts[shell] = try await baton.baton("completions", shell).output
            }
            for name in names {
                #expect(text.contains("`baton \(name)"), "docs/cli.md does not tell of \(name)")
                for (shell, script) in scripts { #expect(script.contains(name), "\(shell) does not complete \(name)") }
            }
            try scripts["bash"]?.write(toFile: baton.directory + "/c", atomically: true, encoding: .utf8)
            // bash itself is asked, as if somebody had typed this and TAB.
            let typed = """
                . ./c; COMP_WORDS=(baton re); COMP_CWORD=1; COMP_LINE='baton re'; COMP_POINT=8
                COMP_TYPE=9; _baton baton re baton; printf '%s\\n' "${COMPREPLY[@]}"
                """
            let loaded = try await ShortCommand(
                "/bin/bash", ["-c", typed], environment: ["PATH": "\(baton.bin):/usr/bin:/bin"], in: baton.directory
            ).run()
            #expect(Set(loaded.output.split(separator: "\n")) == ["reject", "resume", "retry"], "\(loaded.errors)")
            let other = try await baton.baton("completions", "fihs")
            #expect(other.status == 64 && other.errors.contains("next: `baton completions fish`"))
        }
    }

    @Test("audit lists who did what")
    func audit() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let listed = try await baton.baton("audit", "--actor", "admin")
            #expect(
                listed.lines.last?.hasPrefix("2026-01-01T00:00:00.000Z  admin  cancelWorkflow  x       202     lunch")
                    == true)
        }
    }
}
