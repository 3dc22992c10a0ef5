import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import IntegrationAgent

@Suite("dependency_updates")
struct DependencyUpdateTests {
    // MARK: Values

    @Test("versions are compared by their numbers; before 1.0 the second number counts as the first")
    func versions() throws {
        func version(_ text: String) throws -> PackageVersion { try #require(PackageVersion(text)) }
        #expect(try version("1.9.0") < version("1.10"))
        #expect(try !(version("1.0") < version("1")))
        #expect(try version("v2.1").description == "2.1")
        #expect(try version("1.2.3").level(to: version("1.2.4")) == .patch)
        #expect(try version("1.2.3").level(to: version("1.3.0")) == .minor)
        #expect(try version("1.2.3").level(to: version("2.0.0")) == .major)
        #expect(try version("0.2.3").level(to: version("0.3.0")) == .major)
        #expect(try version("1.2.3").bound(.minor) == "2" && version("0.2.3").bound(.minor) == "0.3")
        for text in ["1.0.0-beta.1", "", "1..2", "main", "1.0rc1", "99999999999.0"] {
            #expect(PackageVersion(text) == nil, "\(text)")
        }
    }

    @Test("pins of Python are found and replaced where they stand; those with digests and comments are left")
    func pins() throws {
        let text = """
            # flask==1.0
            --find-links ./wheels
            Flask==2.0.1  # web
            zope.interface[test]==5.0 ; python_version > "3"
            requests>=2
            locked==1.0 --hash=sha256:00
            dependencies = ["Jinja2==3.0", 'x-y==1.0.0']
            """
        #expect(
            PythonPins.pins(in: text).map { "\($0.name) \($0.version)" }
                == ["flask 2.0.1", "zope-interface 5.0", "jinja2 3.0", "x-y 1.0.0"])
        #expect(PythonPins.sources(in: text) == ["--find-links ./wheels"])
        let changed = PythonPins.replacing("zope-interface", with: "6.1", in: text)
        #expect(changed == text.replacing("==5.0", with: "==6.1"))
        #expect(PythonPins.replacing("flask", with: "3.0", in: text) == text.replacing("==2.0.1", with: "==3.0"))
    }

    @Test("versions that a Package.swift names, and what npm says is outdated")
    func others() throws {
        let package = """
            .package(url: "https://example.com/a/swift-log.git", from: "1.0.0"),
            .package(name: "B", url: "https://example.com/b/B", exact: "2.1.0"),
            .package(url: "https://example.com/c", .upToNextMinor(from: "0.3.1")),
            .package(url: "https://example.com/d", branch: "main"), .package(path: "../e"),
            """
        let found = SwiftRequirements.all(in: package)
        #expect(found.map { "\($0.identity) \($0.version)" } == ["swift-log 1.0.0", "b 2.1.0", "c 0.3.1"])
        #expect(
            SwiftRequirements.replacing("b", with: "2.2.0", in: package) == package.replacing("2.1.0", with: "2.2.0"))
        let json: JSONValue = [
            "a": ["current": "1.0.0", "wanted": "1.2.0", "latest": "2.0.0"],
            "b": ["current": "1.0.0", "wanted": "1.0.0", "latest": "2.0.0"],
            "c": ["current": "1.0.0", "wanted": "1.0.0", "latest": "1.0.0"],
            "d": ["wanted": "1.0.0", "latest": "1.1.0"],
        ]
        #expect(NodeUpdates.updates(json, .minor).map(\.sentence) == ["a 1.0.0 → 1.2.0", "b 1.0.0 → 2.0.0"])
        #expect(NodeUpdates.updates(json, .major).map(\.sentence) == ["a 1.0.0 → 2.0.0", "b 1.0.0 → 2.0.0"])
    }

    // MARK: The stage

    private func update(
        _ files: [String: String?], _ payload: JSONObject = [:], in sandbox: Sandbox
    ) async throws -> TaskResult {
        let repository = sandbox.path + "/project.git"
        let commit = try await sandbox.commit(files, to: "work", in: repository)
        return try await sandbox.run(
            sandbox.task(
                "dependency_updates", payload: payload, repository: repository, commit: commit,
                timeoutMilliseconds: 300_000),
            type: "integration", actions: [DependencyUpdatesAction()])
    }

    private func outcomes(_ result: TaskResult) -> [String] {
        (result.output["updates"]?.arrayValue ?? []).map { update in
            let words = ["name", "from", "to", "status"].map { update[$0]?.stringValue ?? "" }
            return words.joined(separator: " ")
        }
    }

    /// A registry for npm of packages that lie in a folder as npm packs them, on a free port.
    private static let registry = """
        const http = require("node:http"), fs = require("node:fs"), crypto = require("node:crypto");
        const folder = process.argv[2];
        const server = http.createServer((request, response) => {
          const name = decodeURIComponent(request.url.split("/")[1]);
          if (name.endsWith(".tgz")) return response.end(fs.readFileSync(`${folder}/${name}`));
          const versions = {};
          for (const file of fs.readdirSync(folder).filter((file) => file.startsWith(name + "-"))) {
            const version = file.slice(name.length + 1, -4);
            const integrity = "sha512-" + crypto.createHash("sha512").update(fs.readFileSync(`${folder}/${file}`)).digest("base64");
            versions[version] = { name, version, dist: { tarball: `http://127.0.0.1:${server.address().port}/${file}`, integrity } };
          }
          const all = Object.keys(versions).sort();
          if (all.length === 0) return response.writeHead(404).end("{}");
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify({ name, "dist-tags": { latest: all.at(-1) }, versions }));
        }).listen(0, "127.0.0.1", () => {
          fs.writeFileSync(folder + "/port.tmp", String(server.address().port));
          fs.renameSync(folder + "/port.tmp", folder + "/port");
        });

        """

    @Test("npm: what passes the tests is kept in a commit of its own, what doesn't is dropped, large steps are left")
    func node() async throws {
        try await Sandbox.with { sandbox in
            let versions = [("good", "1.0.0", 1), ("good", "1.1.0", 1), ("bad", "1.0.0", 1), ("bad", "1.0.1", 2)]
            for (name, version, value) in versions + [("great", "1.0.0", 1), ("great", "2.0.0", 1)] {
                let folder = "packages/\(name)-\(version)"
                try sandbox.write(#"{"name": "\#(name)", "version": "\#(version)"}"#, to: folder + "/package.json")
                try sandbox.write("module.exports = \(value);\n", to: folder + "/index.js")
                let packed = try await sandbox.run(
                    "npm", ["pack", "./" + folder, "--pack-destination", sandbox.path, "--silent"])
                #expect(packed.succeeded, "\(packed.errorText)")
            }
            try sandbox.write(Self.registry, to: "registry.js")
            let move = "mkdir served && mv *.tgz served/ && (node registry.js served >registry.log 2>&1 & echo $!)"
            let process = try await sandbox.run("sh", ["-c", move]).text.split(whereSeparator: \.isWhitespace).first
            let pid = String(try #require(process))
            let isUp = try await sandbox.eventually { sandbox.read("served/port") != nil }
            let port = sandbox.read("served/port") ?? ""
            #expect(isUp)

            let manifest: JSONValue = [
                "version": 1, "name": "given",
                "commands": ["install": [["npm", "install", "--no-audit"]], "test": [["node", "--test", "test.js"]]],
            ]
            let result = try await update(
                [
                    "baton.json": manifest.prettyPrinted(), ".npmrc": "registry=http://127.0.0.1:\(port)/\n",
                    ".gitignore": "node_modules/\npackage-lock.json\n",
                    "package.json":
                        #"{"name": "given", "dependencies": {"good": "1.0.0", "bad": "1.0.0", "great": "1.0.0"}}"#,
                    "test.js": """
                    const test = require("node:test"), assert = require("node:assert");
                    test("sum", () => assert.equal(require("good") + require("bad") + require("great"), 3));

                    """,
                ], in: sandbox)
            _ = try await sandbox.run("kill", [pid])
            #expect(result.status == .success, "\(result.errors)")
            #expect(
                outcomes(result) == [
                    "bad 1.0.0 1.0.1 dropped", "good 1.0.0 1.1.0 kept", "great 1.0.0 2.0.0 left",
                ], "\(result.output) \(result.warnings)")
            #expect(result.output["summary"] == "1 of 2 updates kept")
            let commit = try #require(result.commit)
            let repository = sandbox.path + "/project.git"
            let log = try await sandbox.git("-C", repository, "log", "--format=%s", "work..\(commit)")
            #expect(log == "Update good from 1.0.0 to 1.1.0")
            let package = try await sandbox.git("-C", repository, "show", "\(commit):package.json")
            #expect(package.contains(#""good":"^1.1.0""#) && package.contains(#""bad":"1.0.0""#), "\(package)")
        }
    }

    /// Makes wheels of one module each, by hand.
    private static let wheels = """
        import sys, zipfile
        for name, version, value in (("good", "1.0.0", 1), ("good", "1.1.0", 1), ("bad", "1.0.0", 1), ("bad", "1.2.0", 2), ("good", "2.0.0", 1)):
            with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as wheel:
                info = f"{name}-{version}.dist-info"
                wheel.writestr(f"{name}.py", f"VALUE = {value}\\n")
                wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                wheel.writestr(f"{info}/RECORD", "")
        """

    @Test("pip: the same, from a folder of wheels that the project's own list names")
    func python() async throws {
        try await Sandbox.with { sandbox in
            try sandbox.write("", to: "wheels/.keep")
            let made = try await sandbox.run("python3", ["-c", Self.wheels, sandbox.path + "/wheels"])
            #expect(made.succeeded, "\(made.errorText)")
            let install: JSONValue = [
                ["python3", "-m", "venv", ".venv"],
                [".venv/bin/python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
            ]
            let manifest: JSONValue = [
                "version": 1, "name": "given",
                "commands": ["install": install, "test": [[".venv/bin/python", "-m", "unittest", "-q"]]],
            ]
            let result = try await update(
                [
                    "baton.json": manifest.prettyPrinted(), ".gitignore": ".venv/\n__pycache__/\n",
                    "requirements.txt": "--no-index\n--find-links \(sandbox.path)/wheels\ngood==1.0.0\nbad==1.0.0\n",
                    "test_sum.py": """
                    import unittest
                    import bad, good

                    class Sum(unittest.TestCase):
                        def test_sum(self):
                            self.assertEqual(good.VALUE + bad.VALUE, 2)

                    """,
                ], in: sandbox)
            #expect(result.status == .success, "\(result.errors)")
            #expect(
                outcomes(result) == ["bad 1.0.0 1.2.0 dropped", "good 1.0.0 1.1.0 kept"],
                "\(result.output) \(result.warnings)")
            let list = try await sandbox.git(
                "-C", sandbox.path + "/project.git", "show", "\(try #require(result.commit)):requirements.txt")
            #expect(list.hasSuffix("good==1.1.0\nbad==1.0.0"))
        }
    }

    @Test("where there is nothing to ask, to update or to test by, that is said")
    func skipped() async throws {
        try await Sandbox.with { sandbox in
            let untested = try await update(["package.json": "{}", "index.js": ""], in: sandbox)
            #expect(untested.status == .success, "\(untested.errors)")
            #expect(untested.output["skipped"]?.stringValue?.hasPrefix("the project has no tests") == true)

            let files = TinyApp.files(manifest: [
                "commands": ["test": [["node", "--test", "tests/"]]]
            ]).merging(["requirements.txt": "--no-index\nnothing-like-this==1.0\n"]) { $1 }
            let unreachable = try await update(files, in: sandbox)
            #expect(unreachable.status == .success, "\(unreachable.errors)")
            #expect(unreachable.warnings.contains { $0.contains("index can't be reached") }, "\(unreachable.warnings)")
            #expect(unreachable.output["kept"] == 0)

            let red = try await update(
                ["tests/app.test.js": TinyApp.passingTest.replacing("1 + 1, 2", with: "1 + 1, 3")], in: sandbox)
            #expect(red.errors.map(\.code) == ["TESTS_FAILED_BEFORE_UPDATES"])
        }
    }
}
