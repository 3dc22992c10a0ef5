import Testing

@testable import ProjectTools

@Suite("how a server is started, by its sources")
struct StartDetectionTests {
    private func find(
        _ stack: String, _ texts: [String: String], scripts: [String: String] = [:]
    ) -> StartDetection.Found? {
        StartDetection(files: texts.keys.sorted()) { texts[$0] }.find(stack: stack) { scripts[$0] }
    }

    @Test("a script start counts only where a source reads PORT; node is called without npm where npm adds nothing")
    func node() {
        let obeys = "require('http').createServer().listen(process.env.PORT || 3000)"
        let found = find("node", ["server.js": obeys], scripts: ["start": "node server.js"])
        #expect(found?.commands == [["node", "server.js"]])
        let built = find("node", ["src/a.ts": obeys], scripts: ["start": "next start", "build": "next build"])
        #expect(built?.commands == [["npm", "run", "--silent", "build"], ["npm", "run", "--silent", "start"]])
        #expect(find("node", ["src/server.mjs": obeys])?.commands == [["node", "src/server.mjs"]])
        #expect(find("node", ["server.js": "listen(3000)"], scripts: ["start": "node server.js"]) == nil)
        #expect(find("node", ["test/server.js": obeys], scripts: ["start": "node lib.js"]) == nil)
        #expect(find("node", ["lib/config.js": "exports.port = process.env.PORT"]) == nil)
    }

    @Test("python: Flask, FastAPI with its server, Django, a script that reads PORT; a library has none")
    func python() {
        func line(_ texts: [String: String]) -> String? { find("python", texts)?.commands.last?.last }
        #expect(
            line(["shop/web.py": "from flask import Flask\napp = Flask(__name__)\n"])
                == ".venv/bin/python -m flask --app shop.web:app run --host 127.0.0.1 --port \"$PORT\""
                .prefixedByExec)
        let fast = ["src/shop/main.py": "from fastapi import FastAPI\n\napi: FastAPI = FastAPI(title='x')\n"]
        #expect(line(fast) == nil, "nothing serves it")
        #expect(
            line(fast.merging(["requirements.txt": "fastapi\nuvicorn==0.30\n"]) { $1 })
                == "PYTHONPATH=src exec .venv/bin/python -m uvicorn shop.main:api --host 127.0.0.1 --port \"$PORT\"")
        #expect(line(["manage.py": "from django.core import management"])?.contains("runserver --noreload") == true)
        #expect(
            find("python", ["serve.py": "if __name__ == '__main__':\n    run(int(os.environ['PORT']))\n"])?.commands
                == [[".venv/bin/python", "serve.py"]])
        #expect(line(["shop/price.py": "def price(total: int) -> int:\n    return total\n"]) == nil)
        #expect(line(["a; rm -rf b.py": "app = Flask(__name__)"]) == nil, "no shell reads such a name")
        #expect(line(["tests/test_web.py": "app = Flask(__name__)"]) == nil)
    }

    @Test("swift: an executable target whose sources read PORT")
    func swift() {
        let package = ".executableTarget(name: \"Shop\"), .target(name: \"Prices\")"
        let main = "let port = ProcessInfo.processInfo.environment[\"PORT\"]"
        let found = find("swift", ["Package.swift": package, "Sources/Shop/main.swift": main])
        #expect(
            found?.commands == [["swift", "build", "--product", "Shop"], ["swift", "run", "--skip-build", "Shop"]])
        #expect(find("swift", ["Package.swift": package, "Sources/Shop/main.swift": "print(1)"]) == nil)
        #expect(find("swift", ["Package.swift": ".target(name: \"Shop\")", "Sources/Shop/a.swift": main]) == nil)
    }

    @Test("Procfile wins, as it is made for this; pages without a program are served as they are")
    func others() {
        let found = find("python", ["Procfile": "release: x\nweb: gunicorn shop:app\n", "shop.py": ""])
        #expect(found?.commands.first?.last?.hasSuffix("; gunicorn shop:app") == true)
        #expect(
            find("static", ["public/index.html": ""])?.commands.first?.last?.contains("--directory public ") == true)
        #expect(find("shell", ["a.sh": ""]) == nil)
    }

    @Test("a health path counts when a source names it")
    func health() {
        func health(_ text: String) -> String? { StartDetection(files: ["a.js"]) { _ in text }.health() }
        #expect(health("app.get('/healthz', ok)") == "/healthz")
        #expect(health("app.get(\"/health\", ok)") == "/health")
        #expect(health("app.get('/healthcare', ok)") == nil)
    }
}

extension String {
    fileprivate var prefixedByExec: String { "exec " + self }
}
