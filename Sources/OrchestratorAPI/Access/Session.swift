import HTTPTypes
import Hummingbird

/// What a browser gets for a token: a cookie that scripts can't read and that other sites' pages don't send.
enum Session {
    /// Name of the cookie.
    static let cookie = "baton_session"
    /// How long a session lasts, in seconds, unless its token ends before.
    static let seconds = 12 * 3600
    /// Most sessions of a token; the oldest end when there are more.
    static let maxOfToken = 100

    /// The field that sets the cookie, or takes it away if there is no secret.
    ///
    /// - Parameter isSecure: whether the browser may send it over TLS only; true if a proxy says that it came so.
    static func setCookie(_ secret: String?, seconds: Int, isSecure: Bool) -> String {
        "\(cookie)=\(secret ?? ""); Path=/; Max-Age=\(secret == nil ? 0 : seconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    /// The secret in a `Cookie` field; nil if there is none.
    static func secret(in field: String?) -> String? {
        for pair in (field ?? "").split(separator: ";") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, halves[0].drop(while: { $0 == " " }) == cookie else { continue }
            return String(halves[1])
        }
        return nil
    }

    /// Refuses what another site's page makes a browser send: what changes something has to come from our own pages.
    ///
    /// - Parameter hasCookie: whether it came with the cookie.
    /// - Throws: 403 if the `Origin` is another host than the one that was asked.
    static func requireSameOrigin(_ request: Request, hasCookie: Bool = true) throws(Problem) {
        // Browsers say where a request comes from; another port of this host is another site's page, too.
        let site = HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }?.lowercased()
        let mode = HTTPField.Name("Sec-Fetch-Mode").flatMap { request.headers[$0] }?.lowercased()
        if let site, site != "same-origin", site != "none", mode != "navigate" || request.method != .get {
            throw .forbidden("a page of another site sent this with a browser's cookie")
        }
        guard request.method != .get, request.method != .head else { return }
        guard let origin = request.headers[.origin] else {
            guard hasCookie, site != "same-origin" else { return }
            throw .forbidden("a request with a browser's cookie has to say its Origin")
        }
        guard isOurs(origin, host: request.head.authority) else {
            throw .forbidden("a page of '\(WorkflowRequest.shortened(origin))' sent this with a browser's cookie")
        }
    }

    /// Whether an origin is the host that was asked.
    static func isOurs(_ origin: String, host: String?) -> Bool {
        guard let host, let scheme = origin.firstRange(of: "://") else { return false }
        return origin[scheme.upperBound...].lowercased() == host.lowercased()
    }
}
