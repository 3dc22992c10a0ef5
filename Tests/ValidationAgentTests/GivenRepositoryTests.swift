import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import ValidationAgent

/// Repositories as people have them, without a manifest: each with everything planted that can be wrong, then mended.
@Suite("repositories without a manifest")
struct GivenRepositoryTests {
    /// A text that has the form of an AWS access key, and is none; written so that this file holds none itself.
    static let secret = "AKIA" + "Q3X7PL2M" + "N8R5T6VZ"
    static let mit =
        "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software\n"

    func validate(_ files: [String: String?], in sandbox: Sandbox, timeout: Int = 600_000) async throws -> TaskResult {
        let repository = sandbox.path + "/given.git"
        let commit = try await sandbox.commit(files, to: "work", in: repository)
        var environment: [String: String] = [:]
        if let home = sandbox.environment["HOME"] { environment["PIP_CACHE_DIR"] = home + "/.cache/pip" }
        return try await sandbox.run(
            sandbox.task(
                "validation", repository: repository, commit: commit, mode: "read", timeoutMilliseconds: timeout),
            type: "validation", actions: [ValidationAction()], environment: environment)
    }

    /// Whether a check found something at a place.
    func found(_ result: TaskResult, _ check: String, _ file: String, _ line: Int) -> Bool {
        let checks = result.output["checks"]?.arrayValue ?? []
        let findings = checks.first { $0["name"]?.stringValue == check }?["findings"]?.arrayValue ?? []
        return findings.contains { $0["file"]?.stringValue == file && $0["line"]?.intValue == line }
    }

    func shown(_ result: TaskResult) -> String {
        JSONValue.object(result.output).prettyPrinted() + "\n\(result.errors)"
    }

    static let policy = """
        rules:
          - { metric: lint_errors, operator: "==", threshold: 0 }
          - { metric: type_errors, operator: "==", threshold: 0, if_measured: true }
          - { metric: build_errors, operator: "==", threshold: 0, if_measured: true }
          - { metric: tests_failed, operator: "==", threshold: 0 }
          - { metric: secrets_found, operator: "==", threshold: 0 }
          - { metric: licence_problems, operator: "==", threshold: 0 }
          - { metric: BRANCHES, operator: ">=", threshold: 100, path: "CODE/*" }

        """

    static func policy(_ metric: String, of folder: String) -> String {
        policy.replacing("BRANCHES", with: metric).replacing("CODE", with: folder)
    }

    @Test("node: lint, types, a test, a branch, a secret and a licence are found at their lines; mended, it passes")
    func node() async throws {
        try await Sandbox.with { sandbox in
            let package = """
                {
                  "name": "given", "private": true, "license": "MIT",
                  "scripts": { "test": "node --test" }
                }

                """
            let test = """
                const test = require("node:test");
                const assert = require("node:assert");
                const { price } = require("../lib/price.js");
                test("small orders pay for delivery", () => assert.equal(price(10), 15));

                """
            var files: [String: String?] = [
                "package.json": package, "LICENSE": Self.mit, "policy.yaml": Self.policy("branch_coverage", of: "lib"),
                ".eslintrc.json":
                    #"{ "parserOptions": { "ecmaVersion": 2018 }, "rules": { "no-unused-vars": "error" } }"#,
                "tsconfig.json": #"{ "compilerOptions": { "checkJs": true, "noEmit": true }, "include": ["lib"] }"#,
                "lib/globals.d.ts": "declare var exports: any;\n",
                ".gitignore": "node_modules/\nreports/\n",
                "lib/price.js": """
                const unused = 1;

                /** @param {number} sum @returns {number} */
                exports.price = (sum) => {
                  if (sum > 100) return sum;
                  return "" + (sum + 5);
                };
                exports.key = "\(Self.secret)";

                """,
                "lib/vendored.js":
                    "// A useful thing.\n// SPDX-License-Identifier: GPL-3.0-only\nexports.nothing = 0;\n",
                "test/price.test.js": test.replacing("10), 15", with: "10), 16"),
            ]
            let bad = try await validate(files, in: sandbox)
            #expect(bad.status == .failure)
            #expect(found(bad, "lint", "lib/price.js", 1), "\(shown(bad))")
            #expect(found(bad, "types", "lib/price.js", 6), "\(shown(bad))")
            #expect(found(bad, "tests", "test/price.test.js", 4), "\(shown(bad))")
            #expect(found(bad, "coverage", "lib/price.js", 5), "\(shown(bad))")
            #expect(found(bad, "secrets", "lib/price.js", 8), "\(shown(bad))")
            #expect(found(bad, "licences", "lib/vendored.js", 2), "\(shown(bad))")
            let sarif = try JSONValue(parsing: try #require(sandbox.artifact("report.sarif", of: bad)))
            let rules = sarif["runs"]?[0]?["results"]?.arrayValue?.compactMap { $0["ruleId"]?.stringValue } ?? []
            #expect(rules.contains("licences/GPL-3.0-only") && rules.contains("lint/no-unused-vars"), "\(rules)")

            files["lib/price.js"] = """
                /** @param {number} sum @returns {number} */
                exports.price = (sum) => {
                  if (sum > 100) return sum;
                  return sum + 5;
                };

                """
            files["lib/vendored.js"] = "// SPDX-License-Identifier: MIT\nexports.nothing = 0;\n"
            files["test/price.test.js"] =
                test
                + "test(\"large ones don't\", () => assert.equal(price(200), 200));\nrequire(\"../lib/vendored.js\");\n"
            let good = try await validate(files, in: sandbox)
            #expect(good.status == .success, "\(shown(good))")
        }
    }

    @Test("python: the same, found by ruff, mypy, pytest and coverage in an environment of the project's own")
    func python() async throws {
        try await Sandbox.with { sandbox in
            let test = """
                from shop.price import price


                def test_small_orders_pay_for_delivery() -> None:
                    assert price(10) == 15

                """
            var files: [String: String?] = [
                "pyproject.toml":
                    "[project]\nname = \"given\"\nversion = \"1\"\n[tool.pytest.ini_options]\npythonpath = [\".\"]\n",
                "LICENSE": Self.mit, "policy.yaml": Self.policy("branch_coverage", of: "shop"),
                ".gitignore": ".venv/\nreports/\n__pycache__/\n", "shop/__init__.py": "",
                "shop/price.py": """
                import os


                def price(total: int) -> int:
                    if total > 100:
                        return total
                    return str(total + 5)


                KEY = "\(Self.secret)"

                """,
                "shop/vendored.py": "# SPDX-License-Identifier: AGPL-3.0-or-later\nNOTHING = 0\n",
                "tests/test_price.py": test,
            ]
            let bad = try await validate(files, in: sandbox)
            #expect(bad.status == .failure)
            #expect(found(bad, "lint", "shop/price.py", 1), "\(shown(bad))")
            #expect(found(bad, "types", "shop/price.py", 7), "\(shown(bad))")
            #expect(found(bad, "tests", "tests/test_price.py", 5), "\(shown(bad))")
            #expect(found(bad, "coverage", "shop/price.py", 5), "\(shown(bad))")
            #expect(found(bad, "secrets", "shop/price.py", 10), "\(shown(bad))")
            #expect(found(bad, "licences", "shop/vendored.py", 1), "\(shown(bad))")

            files["shop/price.py"] = """
                def price(total: int) -> int:
                    if total > 100:
                        return total
                    return total + 5

                """
            files["shop/vendored.py"] = nil as String?
            files["tests/test_price.py"] =
                test + "\n\ndef test_large_ones_do_not() -> None:\n    assert price(200) == 200\n"
            let good = try await validate(files, in: sandbox)
            #expect(good.status == .success, "\(shown(good))")
        }
    }

    @Test("swift: a type error at its line; without it the rest, and mended it passes")
    func swift() async throws {
        try await Sandbox.with { sandbox in
            func source(_ value: String, lint: String = "", rest: String = "") -> String {
                """
                /// The price with delivery.
                public func price(_ total: Int) -> Int {
                    if total > 100 {
                        return total
                    }
                    let delivery: Int = \(value)\(lint)
                    return total + delivery
                }
                \(rest)
                """
            }
            let test = """
                import Shop
                import Testing

                @Test func smallOrdersPayForDelivery() {
                    #expect(price(10) == 15)
                }

                """
            var files: [String: String?] = [
                "Package.swift": """
                // swift-tools-version:6.0
                import PackageDescription

                let package = Package(
                    name: "given",
                    targets: [
                        .target(name: "Shop"),
                        .testTarget(name: "ShopTests", dependencies: ["Shop"]),
                    ]
                )

                """,
                ".swift-format": #"{"version": 1, "indentation": {"spaces": 4}}"#,
                "LICENSE": Self.mit, "policy.yaml": Self.policy("line_coverage", of: "Sources"),
                ".gitignore": ".build/\nreports/\n",
                "Sources/Shop/Price.swift": source(
                    "\"5\"", lint: ";", rest: "public let key = \"\(Self.secret)\"\n"),
                "Sources/Shop/Vendored.swift": "// SPDX-License-Identifier: GPL-2.0\npublic let nothing = 0\n",
                "Tests/ShopTests/PriceTests.swift": test.replacing("== 15", with: "== 16"),
            ]
            let bad = try await validate(files, in: sandbox)
            #expect(bad.status == .failure)
            #expect(found(bad, "build", "Sources/Shop/Price.swift", 6), "\(shown(bad))")
            #expect(found(bad, "lint", "Sources/Shop/Price.swift", 6), "\(shown(bad))")
            #expect(found(bad, "secrets", "Sources/Shop/Price.swift", 9), "\(shown(bad))")
            #expect(found(bad, "licences", "Sources/Shop/Vendored.swift", 1), "\(shown(bad))")

            files["Sources/Shop/Price.swift"] = source("5")
            files["Sources/Shop/Vendored.swift"] = nil as String?
            let worse = try await validate(files, in: sandbox)
            #expect(found(worse, "tests", "Tests/ShopTests/PriceTests.swift", 5), "\(shown(worse))")
            #expect(found(worse, "coverage", "Sources/Shop/Price.swift", 4), "\(shown(worse))")

            files.removeValue(forKey: "Sources/Shop/Vendored.swift")
            files["Tests/ShopTests/PriceTests.swift"] =
                test + "@Test func largeOnesDoNot() {\n    #expect(price(200) == 200)\n}\n"
            let good = try await validate(files, in: sandbox)
            #expect(good.status == .success, "\(shown(good))")
        }
    }
}
