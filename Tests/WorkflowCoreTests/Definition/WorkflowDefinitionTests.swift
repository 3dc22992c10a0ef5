import JSONTools
import Testing
import WorkflowCore

@Suite struct WorkflowDefinitionTests {
    /// a (write) → b (read) → c (write) → d (none), and e (read), which needs a alone.
    static let definition = WorkflowDefinition(
        name: "w",
        stages: [
            StageDefinition(name: "a", agent: "x", workspace: .write),
            StageDefinition(name: "b", agent: "x", needs: ["a"]),
            StageDefinition(name: "c", agent: "x", workspace: .write, needs: ["b"]),
            StageDefinition(name: "d", agent: "x", workspace: .none, needs: ["c"]),
            StageDefinition(name: "e", agent: "x", needs: ["a"]),
        ])

    @Test("A stage starts from the commit of its nearest writing ancestor")
    func inputCommit() {
        let sources = ["a", "b", "c", "d", "e", "nope"].map { Self.definition.inputCommitStage(of: $0) }
        #expect(sources == [nil, "a", "a", "c", "a", nil])
    }

    @Test("Ancestors and dependents are found through other stages")
    func graph() {
        #expect(Self.definition.ancestors(of: "d") == ["a", "b", "c"])
        #expect(Self.definition.ancestors(of: "a").isEmpty)
        #expect(Self.definition.dependents(of: "b") == ["c", "d"])
        #expect(Self.definition.dependents(of: "a") == ["b", "c", "d", "e"])
        let circle = WorkflowDefinition(
            name: "w",
            stages: [
                StageDefinition(name: "a", agent: "x", needs: ["b"]),
                StageDefinition(name: "b", agent: "x", needs: ["a"]),
            ])
        #expect(circle.ancestors(of: "a") == ["b"])
    }

    @Test("A stage reads the outputs of its needs and of the stages in its expressions")
    func readsOutputs() throws {
        let stage = StageDefinition(
            name: "s", agent: "x", needs: ["a"], with: try CompiledTemplate(["v": "{{ stages.b.output.v }}"]),
            condition: try CompiledExpression(source: "stages.c.status == 'completed'"))
        #expect(stage.readsOutputs == ["a", "b", "c"])
        #expect(stage.action == "s")
    }

    @Test("Canonical JSON is read back, and a broken one says where")
    func canonicalJSON() throws {
        var value = Self.definition.canonicalJSON()
        #expect(try WorkflowDefinition(canonicalJSON: value) == Self.definition)
        #expect(
            value["stages"]?[1]?["retry"] == [
                "max_attempts": 3, "initial": "1s", "factor": 2, "max": "1m", "jitter": "full",
            ])

        guard case .object(var object) = value else { return }
        object["stages"] = [["name": "a"]]
        value = .object(object)
        let error = #expect(throws: CanonicalDefinitionError.self) { try WorkflowDefinition(canonicalJSON: value) }
        #expect(error?.description == "at '/stages/0/retry': found null; expected an object")
        #expect(throws: CanonicalDefinitionError.self) { try WorkflowDefinition(canonicalJSON: 7) }
    }

    @Test("Definitions that differ in one field have different hashes")
    func contentHash() {
        let renamed = WorkflowDefinition(name: "v", stages: Self.definition.stages)
        let hashes = [Self.definition.contentHash, renamed.contentHash]
        #expect(Set(hashes).count == 2)
        #expect(hashes.allSatisfy { $0.count == 64 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
    }
}
