import Glibc
import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Stored files, by their hash.
struct ArtifactController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/artifacts/{sha256}", needs: .fetch, content)
    }

    @Sendable private func content(_ request: Request, _ context: APIContext) async throws -> Response {
        let hash = context.parameters.get("sha256") ?? ""
        guard Self.isHash(hash) else {
            throw Problem.notFound("'\(WorkflowRequest.shortened(hash))' is not a hash of 64 lower-case hex digits")
        }
        guard let artifact = try await services.store.artifact(sha256: hash, tenant: try context.knownCaller.tenant)
        else {
            throw Problem.notFound("no stage has kept a file with the hash \(hash)")
        }
        let path = "\(services.settings.dataDirectory)/artifacts/\(hash.prefix(2))/\(hash)"
        guard let size = Self.sizeOfFile(path) else {
            throw Problem.notFound("the file with the hash \(hash) is no longer stored")
        }
        var headers: HTTPFields = [
            .contentType: Self.contentType(artifact.type),
            .contentDisposition: Self.disposition(of: artifact),
            .contentSecurityPolicy: "default-src 'none'; sandbox",
            .cacheControl: "private, max-age=31536000, immutable",
            .acceptRanges: "bytes",
        ]
        headers[.eTag] = "\"\(hash)\""
        if EntityTag.isNamed("\"\(hash)\"", in: request.headers[.ifNoneMatch]) {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        let files = FileIO()
        guard size > 0, let range = try ByteRange.read(request.headers[.range], size: size) else {
            return Response(status: .ok, headers: headers, body: try await files.loadFile(path: path, context: context))
        }
        headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound)/\(size)"
        return Response(
            status: .partialContent, headers: headers,
            body: try await files.loadFile(path: path, range: range, context: context))
    }

    /// Whether a text is a SHA-256 as we write it: then it can't lead out of the folder.
    static func isHash(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// The size of a regular file; nil if there is none, or something else is in its place.
    private static func sizeOfFile(_ path: String) -> Int? {
        // Links are not followed; pipes and the like have no end to seek, folders no bytes to read.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0, lseek(descriptor, 0, SEEK_SET) == 0, read(descriptor, &byte, 1) >= 0 else { return nil }
        return size
    }

    /// The type that an agent gave the file, if it can be one.
    static func contentType(_ type: String) -> String {
        let parts = type.lowercased().split(separator: ";").first?.split(separator: "/") ?? []
        let isType =
            parts.count == 2
            && parts.allSatisfy { part in
                part.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
                }
            }
        guard isType else { return "application/octet-stream" }
        let essence = parts.joined(separator: "/")
        return essence.hasPrefix("text/") ? essence + "; charset=utf-8" : essence
    }

    /// Only pictures and plain text are shown; all else is a download, so that nothing is ever rendered as a page of ours.
    static func disposition(of artifact: ArtifactRow) -> String {
        let shown = ["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/json"]
        let isShown = shown.contains { contentType(artifact.type).hasPrefix($0) }
        let name = String(
            (artifact.name.split(separator: "/").last ?? "file").unicodeScalars.map { scalar -> Character in
                let isPlain = scalar.isASCII && scalar.value > 0x20 && scalar.value < 0x7F
                return isPlain && scalar != "\"" && scalar != "\\" && scalar != ";" ? Character(scalar) : "_"
            })
        return "\(isShown ? "inline" : "attachment"); filename=\"\(name)\""
    }
}

/// A part of a file, as a `Range` header asks for it.
enum ByteRange {
    /// One range of bytes; nil if there is none, or several, or something else: then the whole is sent (RFC 9110, 14.2).
    ///
    /// - Parameter size: of the file, in bytes; above 0.
    /// - Throws: 416 if the range lies behind the end.
    static func read(_ field: String?, size: Int) throws(Problem) -> ClosedRange<Int>? {
        guard let field, field.hasPrefix("bytes=") else { return nil }
        let ends = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        if ends[0].isEmpty {
            guard let length = Int(ends[1]), length >= 0 else { return nil }
            guard length > 0 else { throw outside(size) }
            return max(0, size - length)...(size - 1)
        }
        guard let first = Int(ends[0]), first >= 0, let last = ends[1].isEmpty ? size - 1 : Int(ends[1]) else {
            return nil
        }
        guard first < size else { throw outside(size) }
        return last >= first ? first...min(last, size - 1) : nil
    }

    private static func outside(_ size: Int) -> Problem {
        var problem = Problem(
            status: .rangeNotSatisfiable, kind: "range", title: "The range lies outside of the file",
            detail: "the file has \(size) bytes")
        problem.headers[.contentRange] = "bytes */\(size)"
        return problem
    }
}
