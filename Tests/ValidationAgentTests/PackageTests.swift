import AgentProtocol
import AgentTestSupport
import JSONTools
import Synchronization
import Testing

@testable import ValidationAgent

@Suite("licences and vulnerabilities of what is installed")
struct PackageTests {
    static func package(_ name: String, licence: String? = nil) -> InstalledPackage {
        InstalledPackage(
            name: name, version: "1.0.0", licence: licence, file: "requirements.txt", line: 3, ecosystem: "PyPI",
            osvName: name)
    }

    @Test("names are read from lists of requirements and from pyproject.toml, with their lines")
    func names() {
        let list = "--no-index\n# x\nFlask[async]==2.0\n  zope.interface ; python_version > '3'\n-r other.txt\n"
        #expect(PackageList.names(in: list, isTOML: false).map(\.name) == ["flask", "zope-interface"])
        #expect(PackageList.names(in: list, isTOML: false).map(\.line) == [3, 4])
        let project = """
            [project]
            name = "given"
            dependencies = [
              "uvicorn[standard]>=1", 'a_b',
              "c",
            ]
            [tool.x]
            select = ["no"]
            """
        #expect(PackageList.names(in: project, isTOML: true).map(\.name) == ["uvicorn", "a-b", "c"])
        #expect(PackageList.names(in: "dependencies = [\"x\"]\nother = [\"y\"]", isTOML: true).map(\.name) == ["x"])
    }

    @Test("a licence is the expression, otherwise the classifiers, otherwise a short text")
    func licences() {
        func licence(_ expression: String? = nil, _ text: String? = nil, _ classifiers: [String] = []) -> String? {
            PackageList.licence(expression: expression, text: text, classifiers: classifiers)
        }
        let gpl = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
        let mit = "License :: OSI Approved :: MIT License"
        #expect(licence("MIT OR GPL-3.0-only", "GPL", [gpl]) == "MIT OR GPL-3.0-only")
        #expect(licence(nil, "whatever", [gpl]) == "GPL")
        #expect(licence(nil, nil, [mit, gpl]).map(LicenceCheck.demandsTheSame) == false)
        #expect(licence(nil, nil, [gpl.replacing("GNU", with: "GNU Lesser")]) == "LGPL")
        #expect(licence(nil, "GNU AGPLv3", []) == "AGPL")
        #expect(licence(nil, "UNKNOWN", ["License :: OSI Approved"]) == nil)
    }

    @Test("packages of Package.resolved have their lines, and the names that OSV knows them by")
    func swift() {
        let lock = """
            {
              "pins" : [
                {
                  "identity" : "swift-log",
                  "location" : "https://github.com/apple/swift-log.git",
                  "state" : { "revision" : "x", "version" : "1.6.0" }
                },
                { "identity" : "branch", "location" : "git@github.com:a/b", "state" : { "branch" : "main" } }
              ],
              "version" : 3
            }
            """
        let pins = PackageList.pins(in: Array(lock.utf8))
        #expect(pins.map(\.osvName) == ["github.com/apple/swift-log"])
        #expect(pins.map(\.line) == [4])
        #expect(PackageList.osvName("git@github.com:a/b.git") == "github.com/a/b")
    }

    @Test("a package whose licence demands the same of the whole is a problem, unless the project is under one itself")
    func problems() {
        let packages = [Self.package("fine", licence: "MIT"), Self.package("bad", licence: "GPL-3.0-only")]
        func found(_ licence: String, allowed: [String] = []) -> [String] {
            var record = CheckRecord(name: "licences", status: .passed, isRequired: true)
            let rules = LicenceCheck.Rules(allowed: allowed.map { PathPattern($0) }, file: "LICENSE", licence: licence)
            LicenceCheck.add(packages, to: &record, rules)
            #expect((record.status == .failed) == !record.findings.isEmpty)
            return record.findings.map { "\($0.place ?? "") \($0.rule)" }
        }
        #expect(found("MIT") == ["requirements.txt:3 GPL-3.0-only"])
        #expect(found("GPL") == [])
        #expect(found("MIT", allowed: ["bad"]) == [])
    }

    @Test("of an audit, what was looked at counts, and what could not be is told; mild findings don't fail")
    func audit() {
        func record(_ parts: AuditCheck.Part...) -> CheckRecord? { AuditCheck.record(parts) }
        #expect(AuditCheck.record([]) == nil)
        #expect(record(.looked(packages: 0, findings: []))?.fact == "no dependencies")
        let skipped = record(.skipped(reason: "away", help: nil))
        #expect(skipped?.status == .skipped(reason: "away", help: nil))
        #expect(skipped?.metrics[.vulnerabilities] == nil)
        let mild = AuditCheck.finding(
            "GHSA-1", of: Self.package("a"), ["summary": "leaks", "database_specific": ["severity": "MODERATE"]])
        let half = record(.looked(packages: 3, findings: [mild]), .skipped(reason: "npm is away", help: nil))
        #expect(half?.status == .passed && half?.fact == "1 known, 0 of them high or critical; npm is away")
        let severe = AuditCheck.finding("PYSEC-1", of: Self.package("a"), nil)
        #expect(severe.sentence == "requirements.txt:3: a 1.0.0: vulnerable (PYSEC-1, unknown)")
        #expect(record(.looked(packages: 1, findings: [severe]))?.status == .failed)
        #expect(!AuditCheck.isIdentifier("../x") && AuditCheck.isIdentifier("GHSA-xx-1"))
    }

    @Test("commands run as many at once as there is room for, no more, and answer in their order")
    func width() async throws {
        let running = Mutex((now: 0, most: 0))
        // Each waits until two are there, so that one alone would wait for ever.
        let (stream, arrivals) = AsyncStream.makeStream(of: Int.self)
        let jobs = (0..<6).map { number -> @Sendable () async throws -> Int in
            {
                running.withLock { state in
                    state.now += 1
                    state.most = max(state.most, state.now)
                }
                arrivals.yield(number)
                while running.withLock({ $0.most }) < 2 { await Task.yield() }
                running.withLock { $0.now -= 1 }
                return number
            }
        }
        #expect(try await ValidationRun.all(jobs, width: 2) == [0, 1, 2, 3, 4, 5])
        arrivals.finish()
        #expect(await stream.reduce(into: 0) { count, _ in count += 1 } == 6)
        #expect(running.withLock { $0.most } == 2)
        #expect(try await ValidationRun.all(Array(jobs.prefix(0)), width: 2) == [])
    }

    // MARK: The stage

    /// Makes a wheel of one module, under a licence.
    private static let wheels = """
        import sys, zipfile
        for name, licence, need in (("outer", "MIT", "Requires-Dist: inner\\n"), ("inner", "GPL-3.0-only", "")):
            with zipfile.ZipFile(f"{sys.argv[1]}/{name}-1.0.0-py3-none-any.whl", "w") as wheel:
                info = f"{name}-1.0.0.dist-info"
                wheel.writestr(f"{name}.py", "VALUE = 1\\n")
                wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.4\\nName: {name}\\nVersion: 1.0.0\\nLicense-Expression: {licence}\\n{need}")
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                wheel.writestr(f"{info}/RECORD", "")
        """

    /// An OSV server that knows one vulnerability, on a free port that it writes into a file.
    private static let osv = """
        const http = require("node:http"), fs = require("node:fs");
        const server = http.createServer(async (request, response) => {
          let body = "";
          for await (const part of request) body += part;
          if (request.url === "/v1/vulns/PYSEC-7") return response.end(JSON.stringify({ summary: "planted", database_specific: { severity: "HIGH" } }));
          const { queries } = JSON.parse(body);
          const bad = (query) => query.package.ecosystem === "PyPI" && query.package.name === "outer" && query.version === "1.0.0";
          response.end(JSON.stringify({ results: queries.map((query) => (bad(query) ? { vulns: [{ id: "PYSEC-7" }] } : {})) }));
        }).listen(0, "127.0.0.1", () => {
          fs.writeFileSync("port.tmp", String(server.address().port));
          fs.renameSync("port.tmp", "port");
        });

        """

    @Test("python: what is installed is looked at with what it needs, and asked about where OSV can be reached")
    func stage() async throws {
        try await Sandbox.with { sandbox in
            try sandbox.write("", to: "wheels/.keep")
            let made = try await sandbox.run("python3", ["-c", Self.wheels, sandbox.path + "/wheels"])
            #expect(made.succeeded, "\(made.errorText)")
            try sandbox.write(Self.osv, to: "osv.js")
            let process = try await sandbox.run("sh", ["-c", "node osv.js >osv.log 2>&1 & echo $!"])
            let pid = String(try #require(process.text.split(whereSeparator: \.isWhitespace).first))
            #expect(try await sandbox.eventually { sandbox.read("port") != nil })
            let install: JSONValue = [
                ["python3", "-m", "venv", ".venv"],
                [".venv/bin/python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
            ]
            let manifest: JSONValue = [
                "version": 1, "name": "given",
                "commands": ["install": install, "test": [["python3", "-m", "unittest", "-q"]]],
            ]
            let files = [
                "baton.json": manifest.prettyPrinted(), "LICENSE": GivenRepositoryTests.mit, ".gitignore": ".venv/\n",
                "requirements.txt": "--no-index\n--find-links \(sandbox.path)/wheels\nouter==1.0.0\n",
                "test_one.py": """
                import unittest

                class One(unittest.TestCase):
                    def test_one(self):
                        self.assertEqual(1, 1)

                """,
            ]
            let repository = sandbox.path + "/given.git"
            let commit = try await sandbox.commit(files, to: "work", in: repository)
            func validate(_ osv: String) async throws -> TaskResult {
                try await sandbox.run(
                    sandbox.task(
                        "validation", payload: ["osv_url": .string(osv)], repository: repository, commit: commit,
                        mode: "read", timeoutMilliseconds: 300_000),
                    type: "validation", actions: [ValidationAction()])
            }
            func check(_ name: String, of result: TaskResult) -> JSONValue? {
                result.output["checks"]?.arrayValue?.first { $0["name"]?.stringValue == name }
            }
            let result = try await validate("http://127.0.0.1:\(sandbox.read("port") ?? "")")
            _ = try await sandbox.run("kill", [pid])
            let audit = check("audit", of: result)?["findings"]?[0]
            #expect(audit?["file"] == "requirements.txt" && audit?["line"] == 3, "\(result.output)")
            #expect(audit?["message"] == "outer 1.0.0: planted (PYSEC-7, high)")
            let licence = check("licences", of: result)?["findings"]?[0]
            #expect(licence?["message"]?.stringValue?.hasPrefix("inner is under GPL-3.0-only") == true)
            #expect(result.status == .failure)

            let alone = try await validate("http://127.0.0.1:1")
            #expect(check("audit", of: alone)?["status"] == "skipped")
            #expect(check("audit", of: alone)?["reason"]?.stringValue?.contains("can't be reached") == true)
        }
    }
}
