import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore

/// Entity tags and requests that depend on them (RFC 9110, 8.8.3 and 13.1.2).
enum EntityTag {
    /// The strong tag of some bytes.
    static func of(_ bytes: [UInt8]) -> String { "\"\(SHA256Digest.hex(of: bytes))\"" }

    /// Whether an `If-None-Match` field names a tag, by weak comparison.
    static func isNamed(_ tag: String, in field: String?) -> Bool {
        guard let field else { return false }
        return field.split(separator: ",").contains { part in
            let word = part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            return word == "*" || word == tag || word.hasPrefix("W/") && word.dropFirst(2) == tag
        }
    }
}

extension Response {
    /// An answer with a document, or 304 if the caller has the same already.
    init(document: JSONValue, to request: Request) {
        let bytes = document.encoded()
        self.init(bytes: bytes, type: "application/json", to: request)
    }

    /// An answer with bytes, or 304 if the caller has the same already. It may be kept, but has to be asked for anew.
    init(bytes: [UInt8], type: String, to request: Request) {
        let tag = EntityTag.of(bytes)
        var headers: HTTPFields = [.cacheControl: "private, no-cache"]
        headers[.eTag] = tag
        if EntityTag.isNamed(tag, in: request.headers[.ifNoneMatch]) {
            self.init(status: .notModified, headers: headers)
            return
        }
        headers[.contentType] = type
        self.init(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
