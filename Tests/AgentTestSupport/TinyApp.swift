public import JSONTools

/// A web app of one file, as small as tests of the agents can do with.
public enum TinyApp {
    /// The files of the project.
    ///
    /// - Parameters:
    ///   - version: what `/version` answers.
    ///   - body: HTML of the first page, inside `body`.
    ///   - start: JavaScript that runs before the server listens.
    ///   - healthy: JavaScript expression of whether `/health` answers 200.
    ///   - test: JavaScript of a test file; nil for none.
    ///   - manifest: members that replace those of the manifest.
    public static func files(
        version: String = "1",
        body: String = calculator,
        start: String = "",
        healthy: String = "true",
        test: String? = passingTest,
        manifest: JSONObject = [:]
    ) -> [String: String?] {
        var json: JSONObject = [
            "version": 1, "name": "tiny-app", "stack": "node-web",
            "commands": ["test": [["node", "--test", "tests/"]], "start": [["node", "server.js"]]],
            "health": "/health",
        ]
        for (key, value) in manifest { json[key] = value }
        return [
            "baton.json": JSONValue.object(json).prettyPrinted(),
            "server.js": server(version: version, body: body, start: start, healthy: healthy),
            "tests/app.test.js": test,
            ".gitignore": "node_modules\n",
        ]
    }

    /// JavaScript of two tests that pass.
    public static let passingTest = """
        const test = require("node:test");
        const assert = require("node:assert");
        test("adds", () => assert.equal(1 + 1, 2));
        test("multiplies", () => assert.equal(7 * 6, 42));

        """

    /// A form that shows the product of two numbers.
    public static let calculator = """
        <h1>Tiny</h1>
        <form id="form"><label for="expression">Expression</label><input id="expression" name="expression">
        <button>=</button></form><output id="result"></output>
        <p><a href="/about">About</a></p>
        <script>
        document.getElementById("form").addEventListener("submit", async (event) => {
          event.preventDefault();
          const expression = document.getElementById("expression").value;
          const answer = await fetch("/api/calculate?expression=" + encodeURIComponent(expression));
          document.getElementById("result").textContent = (await answer.json()).result ?? "?";
        });
        </script>
        """

    private static func server(version: String, body: String, start: String, healthy: String) -> String {
        """
        const http = require("node:http");
        const fs = require("node:fs");
        \(start)
        const page = (title, body) =>
          `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body>${body}</body></html>`;
        const pages = { "/": page("Tiny", \(JSONValue.string(body).description)), "/about": page("About", "<h1>About</h1><a href='/'>Back</a>") };
        const server = http.createServer((request, response) => {
          const url = new URL(request.url, "http://localhost");
          const send = (status, type, body) => { response.writeHead(status, { "content-type": type }); response.end(body); };
          if (url.pathname === "/health") return send((\(healthy)) ? 200 : 503, "text/plain", "health");
          if (url.pathname === "/version") return send(200, "text/plain", \(JSONValue.string(version).description));
          if (url.pathname === "/environment") return send(200, "application/json", JSON.stringify(process.env));
          if (pages[url.pathname]) return send(200, "text/html; charset=utf-8", pages[url.pathname]);
          if (url.pathname === "/api/calculate") {
            const found = /^(\\d+)\\*(\\d+)$/.exec(url.searchParams.get("expression") ?? "");
            if (found) return send(200, "application/json", JSON.stringify({ result: found[1] * found[2] }));
            return send(400, "application/json", JSON.stringify({ error: "not understood" }));
          }
          send(404, "text/plain", "not found");
        });
        server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening on " + process.env.PORT));
        process.on("SIGTERM", () => { server.close(() => process.exit(0)); server.closeAllConnections(); });

        """
    }
}
