import AgentRuntime
import JSONTools
import ProjectTools
import Testing

@testable import IntegrationAgent

@Suite("Parts of integration")
struct IntegrationPartsTests {
    @Test(
        "repositories that would run something, or lie elsewhere than said, are refused",
        arguments: ["ext::sh -c x", "relative/path", "-u", "file:relative", "/a\nb", "fd::17"]
    )
    func repositories(text: String) {
        #expect(throws: ActionFailure.self) { try IntegrationRequest(["repository": .string(text)]) }
    }

    @Test("an empty or missing repository is the workflow's own")
    func ownRepository() throws {
        #expect(try IntegrationRequest(["repository": nil]).repository == nil)
        #expect(try IntegrationRequest(["repository": ""]).repository == nil)
        #expect(try IntegrationRequest(["repository": "file:///srv/x.git"]).localPath == "/srv/x.git")
        #expect(try IntegrationRequest(["repository": "ssh://host/x"]).localPath == nil)
    }

    @Test("hunks are read from git's markers, with and without the common ancestor")
    func hunks() {
        let text = """
            one
            <<<<<<< HEAD
            ours 1
            ours 2
            ||||||| base
            old
            =======
            theirs
            >>>>>>> abc
            =======
            <<<<<<< HEAD
            =======
            only theirs
            >>>>>>> abc

            """
        let hunks = ConflictReport.hunks(in: text)
        #expect(hunks.map(\.line) == [2, 11])
        #expect(hunks.map(\.ours) == [["ours 1", "ours 2"], []])
        #expect(hunks.map(\.theirs) == [["theirs"], ["only theirs"]])
    }

    @Test("a file full of conflicts gives a report of bounded size")
    func bounded() {
        let side = String(repeating: String(repeating: "x", count: 300) + "\n", count: 100)
        let text = String(repeating: "<<<<<<< a\n\(side)=======\n\(side)>>>>>>> b\n", count: 50)
        let hunks = ConflictReport.hunks(in: text)
        #expect(hunks.count == ConflictReport.maxHunksPerFile)
        let report = ConflictReport(
            files: (0..<100).map { .init(path: "f\($0)", kind: "both changed it", hunks: hunks) })
        #expect(report.json.encoded().count < 2 * ConflictReport.maxBytes)
        #expect(report.summary.hasSuffix("and 95 more"))
    }

    @Test("unmerged files are told from changed ones, whatever their names")
    func unmerged() {
        let files = ConflictReport.unmerged(inStatus: "UU a b\nc\0M  other\0AA new\0UD gone\0")
        #expect(files.map(\.path) == ["a b\nc", "new", "gone"])
        #expect(
            files.map(\.kind) == [
                "both changed it", "both added it", "changed by the target branch, deleted by the work",
            ])
    }

    @Test("work trees: the branch, the main one, bare and detached ones")
    func worktrees() {
        let list = """
            worktree /a
            HEAD 1
            branch refs/heads/main

            worktree /b
            HEAD 2
            detached

            worktree /c d
            HEAD 3
            branch refs/heads/feature/x

            """
        let trees = TargetRepository.worktrees(inList: list)
        #expect(trees.map(\.path) == ["/a", "/b", "/c d"])
        #expect(trees.map(\.branch) == ["main", nil, "feature/x"])
        #expect(trees.map(\.isMain) == [true, false, false])
        #expect(TargetRepository.worktrees(inList: "worktree /x.git\nbare\n").isEmpty)
    }

    @Test(
        "workflow names become parts of branch names",
        arguments: [("my app", "my-app"), ("--x..y~", "x-y"), ("…", "work"), ("a/b", "a-b"), ("Über_1", "ber_1")]
    )
    func branchParts(name: String, part: String) {
        #expect(TargetRepository.branchPart(name) == part)
        #expect(GitName.isBranch("baton/" + part))
    }
}
