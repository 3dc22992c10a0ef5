/// What one HTTP request found.
public struct HTTPProbe: Sendable {
    /// The status code; nil when there was no answer.
    public var status: Int?
    /// The body, at most 1 MiB of it.
    public var body: [UInt8]
    /// Why there was no answer, in curl's words.
    public var problem: String?

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// Whether the status is 200...399.
    public var isHealthy: Bool { status.map { (200..<400).contains($0) } ?? false }
}

extension Toolbox {
    /// Makes one GET request by curl.
    ///
    /// - Parameters:
    ///   - url: An `http` or `https` URL.
    ///   - timeoutSeconds: For the whole request, from connecting to the last byte.
    /// - Returns: What was found; a missing answer is a probe with a `problem`, never an error.
    public func probe(_ url: String, timeoutSeconds: Double = 5) async -> HTTPProbe {
        let mark = "\nbaton-status:"
        let command = ToolCommand(
            "curl",
            [
                "--silent", "--show-error", "--globoff", "--proto", "=http,https", "--noproxy",
                "localhost,127.0.0.1,[::1]",
                "--max-time", "\(max(timeoutSeconds, 0.1))", "--max-filesize", "\(1 << 20)",
                "--write-out", mark + "%{http_code}", "--url", url,
            ],
            timeoutSeconds: timeoutSeconds + 2,
            maxOutputBytes: 2 << 20,
            logsOutput: false
        )
        do {
            let output = try await run(command)
            let bytes = output.standardOutput
            let code = String(decoding: bytes.suffix(3), as: UTF8.self)
            let body = Array(bytes.dropLast(mark.utf8.count + 3))
            guard let status = Int(code), status > 0 else {
                return HTTPProbe(status: nil, body: [], problem: output.lastLines(1))
            }
            return HTTPProbe(status: status, body: body, problem: nil)
        } catch {
            return HTTPProbe(status: nil, body: [], problem: "\(error)")
        }
    }
}
