package import LocalStack

/// A server of git repositories over HTTP: `git http-backend` behind a few lines of Python.
package struct GitServer: Sendable {
    /// The folder of the bare repositories; anybody may push to them.
    package let directory: String
    /// The port of 127.0.0.1 that it listens on.
    package let port: Int

    /// A server that isn't started yet.
    package init(directory: String, port: Int) {
        self.directory = directory
        self.port = port
    }

    /// The URL of a repository.
    package func url(of repository: String) -> String { "http://127.0.0.1:\(port)/\(repository)" }

    /// The server as a component of a stack, which ends it.
    ///
    /// - Parameter ready: a repository that is there, asked for to see that the server answers.
    package func specification(python: String, ready: String, for stack: LocalStack) -> ProcessSpecification {
        let data = stack.configuration.dataDirectory
        return ProcessSpecification(
            name: "git-server",
            command: DaemonCommand(
                executable: python, arguments: ["-c", Self.script, directory, "\(port)"],
                environment: [
                    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": data,
                    // Marks it as part of the stack, so that it is swept away if this process is killed.
                    "BATON_STACK": data, "BATON_OWNER": "\(ProcessIdentity.current)",
                ],
                logFile: "\(data)/logs/git-server.log"),
            readiness: .http(
                host: "127.0.0.1", port: port, path: "/\(ready)/info/refs?service=git-upload-pack"),
            port: port)
    }

    private static let script = #"""
        """Serves the repositories of a folder over HTTP by git http-backend."""
        import http.server, os, subprocess, sys

        class Backend(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                path, _, query = self.path.partition("?")
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    body = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                environment = dict(
                    os.environ, GIT_PROJECT_ROOT=sys.argv[1], GIT_HTTP_EXPORT_ALL="1", REMOTE_USER="tester",
                    REQUEST_METHOD=self.command, PATH_INFO=path, QUERY_STRING=query, CONTENT_LENGTH=str(len(body)),
                    CONTENT_TYPE=self.headers.get("Content-Type", ""), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
                    HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
                answer = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment).stdout
                head, _, content = answer.partition(b"\r\n\r\n")
                fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
                status = next((value for name, value in fields if name == "Status"), "200 OK")
                self.send_response(int(status.split()[0]))
                for name, value in fields:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = serve

            def log_message(self, *_):
                pass


        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Backend).serve_forever()

        """#
}
