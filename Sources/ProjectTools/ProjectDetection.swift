internal import Glibc
internal import JSONTools

/// Reads out of a repository without `baton.json` how it is installed, checked and tested: what a developer who knows
/// its language would try first.
///
/// Pure but for reading files of the project; nothing of it is run.
public struct ProjectDetection: Sendable, Hashable {
    /// The manifest that the project could have had.
    public var manifest: ProjectManifest
    /// Why, for the log: what was found.
    public var reasons: [String]
    /// Whether its health path is one that its sources name; otherwise any answer of its first page has to do.
    public var namesHealth: Bool

    private static let maxFileBytes = 1 << 20

    /// - Parameters:
    ///   - directory: absolute path of the project.
    ///   - name: what to call it.
    ///   - files: the files that its repository tracks, relative to it.
    /// - Returns: nil when no language is known by its files.
    public init?(directory: String, name: String, files: [String]) {
        let names = Set(files)
        let found: (stack: String, commands: JSONObject, reports: JSONObject, reasons: [String])?
        if names.contains("package.json") {
            found = Self.node(directory, names, files)
        } else if names.contains("Package.swift") {
            found = Self.swift()
        } else if !names.isDisjoint(with: ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"])
            || files.contains(where: { $0.hasSuffix(".py") })
        {
            found = Self.python(names, files)
        } else if files.contains(where: { Self.isScript($0) }) {
            found = ("node", ["test": [Self.nodeTest]], Self.nodeReports, ["JavaScript files"])
        } else if files.contains(where: { $0.hasSuffix(".sh") }) {
            found = ("shell", [:], [:], ["shell scripts"])
        } else if files.contains(where: { $0.hasSuffix("index.html") }) {
            found = ("static", [:], [:], ["pages"])
        } else {
            found = nil
        }
        guard var found else { return nil }
        let sources = StartDetection(files: files) { path in
            SmallFile.read(directory + "/" + path, maxBytes: StartDetection.maxBytes)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        let package = found.stack == "node" ? Self.package(directory) : nil
        if let start = sources.find(stack: found.stack, scripts: { Self.script($0, of: package) }) {
            found.commands["start"] = .array(start.commands.map { list in .array(list.map { .string($0) }) })
            found.reasons.append(start.reason)
        }
        let health = found.commands["start"] == nil ? nil : sources.health()
        let json: JSONObject = [
            "version": 1, "name": .string(name.isEmpty ? "project" : String(name.prefix(100))),
            "stack": .string(found.stack), "commands": .object(found.commands), "reports": .object(found.reports),
            "health": .string(health ?? "/"),
        ]
        guard let manifest = try? ProjectManifest(json: .object(json)) else { return nil }
        self.manifest = manifest
        namesHealth = health != nil
        reasons = found.reasons
    }

    // MARK: Node

    private static let nodeReports: JSONObject = ["junit": "reports/junit.xml", "coverage": "reports/lcov.info"]
    private static let nodeTest: JSONValue = [
        "node", "--test", "--experimental-test-coverage", "--test-reporter=spec", "--test-reporter-destination=stdout",
        "--test-reporter=junit", "--test-reporter-destination=reports/junit.xml", "--test-reporter=lcov",
        "--test-reporter-destination=reports/lcov.info",
    ]

    private static func package(_ directory: String) -> JSONValue? {
        let bytes = SmallFile.read(directory + "/package.json", maxBytes: maxFileBytes) ?? []
        return try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: maxFileBytes))
    }

    private static func script(_ name: String, of package: JSONValue?) -> String? {
        guard let text = package?["scripts"]?[name]?.stringValue, !text.isEmpty else { return nil }
        // What npm writes into a new project: it always fails.
        return text.firstRange(of: "no test specified") == nil ? text : nil
    }

    private static func isScript(_ path: String) -> Bool {
        [".js", ".mjs", ".cjs"].contains { path.hasSuffix($0) }
    }

    private static func node(
        _ directory: String, _ names: Set<String>, _ files: [String]
    ) -> (String, JSONObject, JSONObject, [String])? {
        let package = package(directory)
        func script(_ name: String) -> String? { Self.script(name, of: package) }
        let dependencies = ["dependencies", "devDependencies", "optionalDependencies"].contains {
            package?[$0]?.objectValue?.isEmpty == false
        }
        // Its own tool where it names one, otherwise the system's.
        func tool(_ name: String, of dependency: String) -> JSONValue {
            let isOwn = ["dependencies", "devDependencies"].contains { package?[$0]?[dependency] != nil }
            return .string(isOwn ? "node_modules/.bin/\(name)" : name)
        }
        var commands: JSONObject = [:]
        var reasons = ["package.json"]
        if names.contains("package-lock.json"), dependencies {
            commands["install"] = [["npm", "ci", "--no-audit"]]
        } else if dependencies {
            commands["install"] = [["npm", "install", "--no-audit", "--no-package-lock"]]
        }
        let config = files.contains { path in
            path.hasPrefix("eslint.config.") || path.hasPrefix(".eslintrc")
        }
        if script("lint") != nil {
            commands["lint"] = [["npm", "run", "--silent", "lint"]]
            reasons.append("its script lint")
        } else if config || package?["eslintConfig"] != nil {
            commands["lint"] = [[tool("eslint", of: "eslint"), "--format", "json", "."]]
            reasons.append("eslint's configuration")
        }
        if let name = ["typecheck", "type-check", "types"].first(where: { script($0) != nil }) {
            commands["typecheck"] = [["npm", "run", "--silent", .string(name)]]
            reasons.append("its script \(name)")
        } else if names.contains("tsconfig.json") {
            commands["typecheck"] = [[tool("tsc", of: "typescript"), "--noEmit", "--pretty", "false"]]
            reasons.append("tsconfig.json")
        }
        if script("build") != nil { commands["build"] = [["npm", "run", "--silent", "build"]] }
        var reports: JSONObject = [:]
        if let test = script("test"), !test.hasPrefix("node --test") {
            commands["test"] = [["npm", "test", "--silent"]]
            reasons.append("its script test")
        } else if script("test") != nil || files.contains(where: { isScript($0) && isTest($0) }) {
            commands["test"] = [nodeTest]
            reports = nodeReports
            reasons.append("tests of node:test")
        }
        return ("node", commands, reports, reasons)
    }

    private static func isTest(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        let name = parts.last ?? ""
        return [".test.", ".spec.", "-test.", "_test."].contains { name.firstRange(of: $0) != nil }
            || parts.dropLast().contains { ["test", "tests", "__tests__"].contains($0) }
    }

    // MARK: Python

    private static func python(
        _ names: Set<String>, _ files: [String]
    ) -> (String, JSONObject, JSONObject, [String])? {
        let python: JSONValue = ".venv/bin/python"
        var install: [JSONValue] = [["python3", "-m", "venv", ".venv"]]
        let quiet: [JSONValue] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        var reasons: [String] = []
        for list in ["requirements.txt", "requirements-dev.txt"] where names.contains(list) {
            install.append(.array(quiet + ["-r", .string(list)]))
            reasons.append(list)
        }
        if names.contains("setup.py") || names.contains("setup.cfg") {
            install.append(.array(quiet + ["-e", "."]))
            reasons.append("setup.py")
        } else if names.contains("pyproject.toml") {
            reasons.append("pyproject.toml")
        }
        install.append(.array(quiet + ["ruff", "mypy", "pytest", "coverage"]))
        let sources = sourceFolders(files)
        let typed: [JSONValue] =
            sources.isEmpty ? [python, "-m", "mypy", "."] : [python, "-m", "mypy"] + sources.map { .string($0) }
        var commands: JSONObject = [
            "install": .array(install),
            "lint": [[python, "-m", "ruff", "check", "--output-format=concise", "."]],
            "typecheck": [.array(typed + ["--no-error-summary", "--exclude", #"^\.venv/"#])],
        ]
        var reports: JSONObject = [:]
        if files.contains(where: { isPythonTest($0) }) {
            reasons.append("tests of pytest")
            commands["test"] = [[python, "-m", "pytest", "--junit-xml=reports/junit.xml"]]
            // Tests that fail have covered something, too.
            let script = """
                .venv/bin/python -m coverage run --branch --source=. \
                    --omit='.venv/*,*/test_*.py,test_*.py,*_test.py,*/tests/*,tests/*' \
                    -m pytest --junit-xml=reports/junit.xml || status=$?
                .venv/bin/python -m coverage lcov --quiet -o reports/lcov.info
                exit ${status-0}
                """
            commands["coverage"] = [["sh", "-c", .string(script)]]
            reports = ["junit": "reports/junit.xml", "coverage": "reports/lcov.info"]
        }
        return ("python", commands, reports, reasons.isEmpty ? ["Python files"] : reasons)
    }

    /// Folders with Python files that are no tests, and such files at the root.
    private static func sourceFolders(_ files: [String]) -> [String] {
        var folders: [String] = []
        for path in files where path.hasSuffix(".py") && !isPythonTest(path) {
            let first = path.split(separator: "/").first.map(String.init) ?? path
            guard !["tests", "test", "docs", "setup.py", "conftest.py"].contains(first), !first.hasPrefix("."),
                !first.hasPrefix("-"), !folders.contains(first)
            else { continue }
            folders.append(first)
        }
        return Array(folders.prefix(20))
    }

    private static func isPythonTest(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name.hasSuffix(".py") && (name.hasPrefix("test_") || name.hasSuffix("_test.py"))
    }

    // MARK: Swift

    private static func swift() -> (String, JSONObject, JSONObject, [String]) {
        // The toolchain's own llvm-cov: others don't read its profiles.
        let script = #"""
            bin=$(swift build --show-bin-path)
            rm -f "$bin"/codecov/*
            swift test --enable-code-coverage --xunit-output reports/junit.xml || status=$?
            # Tests that fail leave their profiles unmerged.
            tools=$(swift -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')
            "$tools/llvm-profdata" merge --sparse -o "$bin/codecov/all.profdata" "$bin"/codecov/*.profraw
            tests=$(ls -td "$bin"/*.xctest | head -n 1)
            "$tools/llvm-cov" export --format=lcov --instr-profile "$bin/codecov/all.profdata" "$tests" >reports/lcov.info
            # XCTest has a report of its own.
            grep -q "<testcase" reports/junit-swift-testing.xml || mv reports/junit.xml reports/junit-swift-testing.xml
            exit ${status-0}
            """#
        let commands: JSONObject = [
            "install": [["swift", "package", "resolve"]],
            "lint": [["swift", "format", "lint", "--strict", "--recursive", "."]],
            "build": [["swift", "build", "--build-tests", "--enable-code-coverage"]],
            "coverage": [["sh", "-c", .string(script)]],
            "test": [["swift", "test", "--xunit-output", "reports/junit.xml"]],
        ]
        let reports: JSONObject = ["junit": "reports/junit-swift-testing.xml", "coverage": "reports/lcov.info"]
        return ("swift", commands, reports, ["Package.swift"])
    }
}
