import FoundationEssentials
import Testing
import WorkflowCore
import WorkflowDefinitions

@Suite struct DefinitionCatalogTests {
    /// Runs a test with a directory that has some files in it.
    private func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.path + "/baton-catalog-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let full = root + "/" + path
            let parent = full.split(separator: "/").dropLast().reduce(into: "") { $0 += "/" + $1 }
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: full))
        }
        try body(root)
    }

    private func definition(_ name: String, agent: String = "x") -> String {
        "name: \(name)\nstages: [{name: s, agent: \(agent)}]\n"
    }

    @Test("Files of several kinds are read, whatever they are called, and others are not")
    func kinds() throws {
        let json = #"{"name": "third", "stages": [{"name": "s", "agent": "x"}]}"#
        let files = [
            "d/one.yaml": definition("first"), "d/2.yml": definition("second"), "d/x.json": json, "d/readme.md": "no",
            "d/.hidden.yaml": "no",
        ]
        try withFiles(files) { root in
            let catalog = DefinitionCatalog.load(directories: [root + "/d", root + "/missing"])
            #expect(catalog.errors.isEmpty)
            #expect(catalog.names == ["first", "second", "third"])
            #expect(catalog.entries["first"]?.path == root + "/d/one.yaml")
        }
    }

    @Test("A later directory replaces definitions of an earlier one")
    func replacement() throws {
        let files = ["a/app.yaml": definition("app"), "b/mine.yaml": definition("app", agent: "mine")]
        try withFiles(files) { root in
            let catalog = DefinitionCatalog.load(directories: [root + "/a", root + "/b/"])
            #expect(catalog["app"]?.stages[0].agent == "mine")
            #expect(catalog.entries["app"]?.path == root + "/b/mine.yaml")
            #expect(catalog.errors.isEmpty)
        }
    }

    @Test("Two definitions of one name in a directory are an error, and bad files leave the others usable")
    func errors() throws {
        let files = [
            "d/a.yaml": definition("app"), "d/b.yaml": definition("app"), "d/c.yaml": "name: c\n",
            "d/d.yaml": definition("good"),
        ]
        try withFiles(files) { root in
            try Data([0x6e, 0xff]).write(to: URL(filePath: root + "/d/e.yaml"))
            let catalog = DefinitionCatalog.load(directories: [root + "/d"])
            #expect(catalog.names == ["app", "good"])
            #expect(
                catalog.errors.map(\.description) == [
                    "\(root)/d/b.yaml:1:1: found a second definition 'app'; the first is in \(root)/d/a.yaml",
                    "\(root)/d/c.yaml:1:1: found no field 'stages'; expected a list of at least one stage",
                    "\(root)/d/e.yaml:1:1: this file is not UTF-8",
                ])
        }
    }

    @Test("An unknown name is answered with the nearest one")
    func suggestion() throws {
        try withFiles(["d/a.yaml": definition("feature"), "d/b.yaml": definition("app")]) { root in
            let catalog = DefinitionCatalog.load(directories: [root + "/d"])
            #expect(
                catalog.unknownNameMessage("featrue")
                    == "found the unknown workflow type 'featrue'; expected one of app, feature; did you mean 'feature'?"
            )
            #expect(catalog["featrue"] == nil)
        }
        #expect(
            DefinitionCatalog().unknownNameMessage("a") == "found the workflow type 'a', but there are no definitions")
    }
}
