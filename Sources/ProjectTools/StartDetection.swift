/// Reads out of a project's sources how its server is started on a port of one's choice.
///
/// Only what obeys `PORT`, or is told its port by a command line, counts: anything else could listen anywhere, or be no
/// server at all.
struct StartDetection {
    /// Most sources that are read, and the largest of them, in bytes.
    static let maxSources = 300
    static let maxBytes = 256 << 10

    /// The files that the repository tracks, relative to the project.
    let files: [String]
    /// The text of one of them; nil when it can't be read.
    let read: (String) -> String?

    /// How to start it, with what that stands on.
    struct Found: Hashable {
        var commands: [[String]]
        var reason: String
    }

    /// The commands that start a project of a stack.
    ///
    /// - Parameters:
    ///   - stack: `node`, `python`, `swift` or `static`.
    ///   - scripts: text of a script of `package.json`, by its name.
    /// - Returns: nil when nothing shows how.
    func find(stack: String, scripts: (String) -> String? = { _ in nil }) -> Found? {
        if let line = procfile() {
            let path = "PATH=\"$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH\"; export PATH; "
            return Found(commands: [["sh", "-c", path + line]], reason: "the web process of Procfile")
        }
        return switch stack {
        case "node": node(scripts)
        case "python": python()
        case "swift": swift()
        case "static": pages()
        default: nil
        }
    }

    /// The path that the sources answer for a health check; nil when they name none that is known here.
    func health() -> String? {
        let sources = files.lazy.filter { path in
            [".js", ".mjs", ".cjs", ".ts", ".py", ".swift"].contains { path.hasSuffix($0) } && !Self.isTest(path)
        }.prefix(Self.maxSources)
        let texts = sources.compactMap { text($0) }
        return ["/healthz", "/health", "/api/health"].first { path in
            texts.contains { $0.contains("\"\(path)\"") || $0.contains("'\(path)'") }
        }
    }

    // MARK: Stacks

    private func procfile() -> String? {
        guard files.contains("Procfile"), let text = text("Procfile") else { return nil }
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("web:") }
        guard let command = line?.dropFirst(4).drop(while: { $0 == " " || $0 == "\t" }), !command.isEmpty else {
            return nil
        }
        return String(command)
    }

    private func node(_ scripts: (String) -> String?) -> Found? {
        let servers = sources([".js", ".mjs", ".cjs", ".ts"]).filter { path in
            guard let text = text(path) else { return false }
            return ["env.PORT", "env[\"PORT\"]", "env['PORT']"].contains { text.contains($0) }
        }
        guard let server = servers.first else { return nil }
        if let script = scripts("start") {
            let words = script.split(separator: " ").map(String.init)
            // As it is, where npm has nothing to add.
            let isPlain = words.count == 2 && words[0] == "node" && files.contains(Self.withoutDot(words[1]))
            var commands: [[String]] = scripts("build") == nil ? [] : [["npm", "run", "--silent", "build"]]
            commands.append(isPlain ? words : ["npm", "run", "--silent", "start"])
            return Found(commands: commands, reason: "its script start; \(server) reads PORT")
        }
        let usual = ["server", "app", "index", "main", "src/server", "src/app", "src/index", "src/main"]
        let entry = usual.lazy.flatMap { name in [".js", ".mjs", ".cjs"].map { name + $0 } }.first { path in
            servers.contains(path) && text(path)?.contains("listen(") == true
        }
        return entry.map { Found(commands: [["node", $0]], reason: "\($0) listens on PORT") }
    }

    private func python() -> Found? {
        let interpreter = ".venv/bin/python"
        if files.contains("manage.py"), text("manage.py")?.contains("django") == true {
            let line = "exec \(interpreter) manage.py runserver --noreload \"127.0.0.1:$PORT\""
            return Found(commands: [["sh", "-c", line]], reason: "Django's manage.py")
        }
        let modules = sources([".py"]).filter { Self.isPlainPath($0) }
        let required = ["requirements.txt", "requirements.in", "pyproject.toml", "setup.py", "setup.cfg"]
            .compactMap { text($0) }.joined(separator: "\n")
        let hasUvicorn = required.contains("uvicorn") || required.contains("fastapi[")
        for path in modules {
            guard let text = text(path) else { continue }
            let (folder, module) = Self.module(path)
            let start = "\(folder)exec \(interpreter) -m "
            if hasUvicorn, let name = Self.variable(madeBy: ["FastAPI(", "Starlette("], in: text) {
                let line = start + "uvicorn \(module):\(name) --host 127.0.0.1 --port \"$PORT\""
                return Found(commands: [["sh", "-c", line]], reason: "\(path) makes an app of FastAPI")
            }
            if let name = Self.variable(madeBy: ["Flask("], in: text) {
                let line = start + "flask --app \(module):\(name) run --host 127.0.0.1 --port \"$PORT\""
                return Found(commands: [["sh", "-c", line]], reason: "\(path) makes an app of Flask")
            }
        }
        let signs = ["environ[\"PORT\"]", "environ['PORT']", "environ.get(\"PORT\"", "environ.get('PORT'"]
        let more = ["getenv(\"PORT\"", "getenv('PORT'"]
        let server = modules.first { path in
            guard let text = text(path), text.contains("__main__") else { return false }
            return (signs + more).contains { text.contains($0) }
        }
        return server.map { Found(commands: [[interpreter, $0]], reason: "\($0) reads PORT") }
    }

    private func swift() -> Found? {
        guard text("Package.swift")?.contains("executableTarget(") == true else { return nil }
        for path in sources([".swift"]) where path.hasPrefix("Sources/") {
            let parts = path.split(separator: "/")
            guard parts.count > 2, Self.isPlainPath(String(parts[1])), text(path)?.contains("[\"PORT\"]") == true else {
                continue
            }
            let target = String(parts[1])
            guard text("Package.swift")?.contains("\"\(target)\"") == true else { continue }
            return Found(
                commands: [["swift", "build", "--product", target], ["swift", "run", "--skip-build", target]],
                reason: "\(path) reads PORT")
        }
        return nil
    }

    private func pages() -> Found? {
        let folder = ["public", "dist", "site", "docs"].first { files.contains("\($0)/index.html") } ?? "."
        guard folder != "." || files.contains("index.html") else { return nil }
        let line = "exec python3 -m http.server --bind 127.0.0.1 --directory \(folder) \"$PORT\""
        return Found(commands: [["sh", "-c", line]], reason: "its pages, as they are")
    }

    // MARK: Reading

    private func sources(_ endings: [String]) -> [String] {
        Array(
            files.lazy.filter { path in
                endings.contains { path.hasSuffix($0) } && !Self.isTest(path) && !path.hasPrefix("node_modules/")
            }.prefix(Self.maxSources))
    }

    private func text(_ path: String) -> String? { files.contains(path) ? read(path) : nil }

    private static func isTest(_ path: String) -> Bool {
        path.split(separator: "/").contains { part in
            ["test", "tests", "Tests", "__tests__", "e2e"].contains(part) || part.hasPrefix("test_")
                || part.hasSuffix("_test.py") || part.contains(".test.") || part.contains(".spec.")
        }
    }

    private static func withoutDot(_ path: String) -> String { path.hasPrefix("./") ? String(path.dropFirst(2)) : path }

    /// Whether a path can stand in a shell's line as it is.
    static func isPlainPath(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("-")
            && path.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || [0x2D, 0x2E, 0x2F, 0x5F].contains(byte)
            }
    }

    /// The module of a Python file, and how a shell makes it importable.
    static func module(_ path: String) -> (folder: String, module: String) {
        var path = path
        let isBelowSource = path.hasPrefix("src/")
        if isBelowSource { path.removeFirst(4) }
        var parts = path.dropLast(3).split(separator: "/").map(String.init)
        if parts.count > 1, parts.last == "__init__" { parts.removeLast() }
        return (isBelowSource ? "PYTHONPATH=src " : "", parts.joined(separator: "."))
    }

    /// The name at the beginning of a line `name = Maker(…)`.
    static func variable(madeBy makers: [String], in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let value = line[line.index(after: equals)...].drop { $0 == " " }
            let name = line[..<equals].prefix { $0 == "_" || $0.isLetter || $0.isNumber }
            guard makers.contains(where: { value.hasPrefix($0) }), !name.isEmpty, name.allSatisfy(\.isASCII) else {
                continue
            }
            return String(name)
        }
        return nil
    }
}
