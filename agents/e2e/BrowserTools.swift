import AgentRuntime
import JSONTools

/// What the browser tests are run with, found and asked for its version.
struct BrowserTools: Sendable {
    let python: String
    let chromium: String
    /// Versions by name, for the stage's output.
    let versions: JSONObject

    /// Finds Python with pytest and Playwright, and a Chromium.
    ///
    /// - Throws: ``ActionFailure`` `TOOL_MISSING` naming the command that installs what is missing.
    static func find(_ tools: Toolbox) async throws -> BrowserTools {
        guard let python = tools.python else {
            throw missing("Python 3", install: "apt-get install python3 python3-venv")
        }
        let script = """
            import importlib.metadata as metadata, platform
            print(platform.python_version(), metadata.version("pytest"), metadata.version("playwright"))
            """
        let asked = try await tools.run(ToolCommand(python, ["-c", script], timeoutSeconds: 30, logsOutput: false))
        let versions = asked.text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard asked.succeeded, versions.count == 3 else {
            throw missing("pytest or Playwright for \(python)", install: "\(python) -m pip install pytest playwright")
        }
        let names = ["chromium", "chromium-browser", "google-chrome"]
        guard let chromium = names.lazy.compactMap({ tools.find($0) }).first else {
            throw missing("a Chromium browser", install: "apt-get install chromium")
        }
        return BrowserTools(
            python: python,
            chromium: chromium,
            versions: [
                "python": .string(versions[0]), "pytest": .string(versions[1]), "playwright": .string(versions[2]),
            ]
        )
    }

    private static func missing(_ what: String, install: String) -> ActionFailure {
        ActionFailure(
            code: "TOOL_MISSING",
            message: "Browser tests could not run, for want of \(what). Install it: \(install)",
            detail: ["install": .string(install)]
        )
    }
}
