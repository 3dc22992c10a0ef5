import HTTPTypes
import JSONTools
import PostgresDriver
import WorkflowCore

/// The refusals that there are.
extension Problem {
    /// Nothing is at this path, or no such thing is in the record.
    static func notFound(_ detail: String) -> Problem {
        Problem(status: .notFound, kind: "not-found", title: "Not found", detail: detail)
    }

    static func methodNotAllowed(_ method: String, allowed: [String]) -> Problem {
        var problem = Problem(
            status: .methodNotAllowed, kind: "method-not-allowed", title: "Method not allowed",
            detail: "found \(method); this resource understands \(allowed.joined(separator: ", "))")
        problem.headers[.allow] = allowed.joined(separator: ", ")
        return problem
    }

    /// The body can't be read at all.
    static func brokenBody(_ detail: String, faults: [Fault] = [], members: JSONObject = [:]) -> Problem {
        Problem(
            status: .badRequest, kind: "malformed-body", title: "The body can't be read", detail: detail,
            faults: faults, members: members)
    }

    /// A part of the query can't be understood.
    static func badQuery(_ faults: [Fault]) -> Problem {
        Problem(
            status: .badRequest, kind: "bad-query", title: "The query can't be understood",
            detail: summary(of: faults), faults: faults)
    }

    /// The body can be read, and says something that can't be.
    static func invalid(_ faults: [Fault]) -> Problem {
        Problem(
            status: .unprocessableContent, kind: "invalid", title: "The request is not valid",
            detail: summary(of: faults), faults: faults)
    }

    static func wrongContentType(_ found: String?, expected: [String]) -> Problem {
        Problem(
            status: .unsupportedMediaType, kind: "unsupported-media-type", title: "Wrong content type",
            detail: "found \(found.map { "'\($0)'" } ?? "no Content-Type"); "
                + "expected \(expected.joined(separator: " or "))")
    }

    static func tooLarge(limitBytes: Int) -> Problem {
        var problem = Problem(
            status: .contentTooLarge, kind: "too-large", title: "The body is too large",
            detail: "expected at most \(limitBytes) bytes")
        problem.closesConnection = true
        return problem
    }

    static func tooSlow(limitSeconds: Int) -> Problem {
        var problem = Problem(
            status: .requestTimeout, kind: "too-slow", title: "The body came too slowly",
            detail: "expected the whole body within \(limitSeconds) s")
        problem.closesConnection = true
        return problem
    }

    static func unauthorized(_ detail: String) -> Problem {
        var problem = Problem(
            status: .unauthorized, kind: "unauthorized", title: "A token is needed",
            detail: detail
                + "; send 'Authorization: Bearer TOKEN' (the admin token is in the file admin-token of the data directory)"
        )
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"baton\""
        return problem
    }

    static func forbidden(_ role: Caller.Role, needs permission: Permission) -> Problem {
        let roles = Caller.Role.allCases.filter { $0.allows(permission) }.map(\.rawValue)
        return forbidden(
            "the token's role is \(role.rawValue); \(permission.deed) takes \(roles.joined(separator: " or "))")
    }

    static func forbidden(_ detail: String) -> Problem {
        Problem(status: .forbidden, kind: "forbidden", title: "Not allowed", detail: detail)
    }

    static func keyReused(of id: UniqueID) -> Problem {
        Problem(
            status: .unprocessableContent, kind: "idempotency-key-reused", title: "The idempotency key was used before",
            detail: "the workflow \(id) was created under this key with another body; use a new key for a new workflow",
            faults: [Fault(pointer: "/idempotency_key", message: "used before with another body")],
            members: ["workflow_id": .string("\(id)")])
    }

    /// The state doesn't allow what was asked.
    static func conflict(_ what: String, id: UniqueID, status: String) -> Problem {
        Problem(
            status: .conflict, kind: "conflict", title: "The workflow's state doesn't allow this",
            detail: "the workflow is \(status); \(what)",
            members: ["workflow_id": .string("\(id)"), "workflow_status": .string(status)])
    }

    /// Something that is needed is away; trying again helps.
    static func unavailable(_ detail: String, retryAfterSeconds: Int = 2) -> Problem {
        var problem = Problem(
            status: .serviceUnavailable, kind: "unavailable", title: "Not available at present",
            detail: "\(detail); try again in a moment")
        problem.headers[.retryAfter] = "\(retryAfterSeconds)"
        return problem
    }

    static func busy(retryAfterSeconds: Int = 1) -> Problem {
        var problem = Problem(
            status: .tooManyRequests, kind: "busy", title: "Too much is waiting",
            detail: "more requests wait to be recorded than may; try again in a moment")
        problem.headers[.retryAfter] = "\(retryAfterSeconds)"
        return problem
    }

    /// A token sends more than it may.
    static func rateLimited(retryAfterSeconds: Int) -> Problem {
        var problem = Problem(
            status: .tooManyRequests, kind: "rate-limited", title: "Too many requests",
            detail: "more requests came with this token, or from this address, than may; try again in "
                + "\(retryAfterSeconds) s")
        problem.headers[.retryAfter] = "\(retryAfterSeconds)"
        return problem
    }

    /// The head of a request did not come in time.
    static func slowHead(limitSeconds: Int) -> Problem {
        Problem(
            status: .requestTimeout, kind: "too-slow", title: "The request came too slowly",
            detail: "expected its head within \(limitSeconds) s")
    }

    /// The head of a request is too large.
    static let largeHead = Problem(
        status: .requestHeaderFieldsTooLarge, kind: "too-large", title: "The head of the request is too large",
        detail: "expected at most 16 KiB a field, 32 KiB and 100 fields in all")

    /// What came is no HTTP/1.1.
    static func noHTTP(_ reason: String) -> Problem {
        Problem(
            status: .badRequest, kind: "malformed-request", title: "The request can't be read",
            detail: "expected HTTP/1.1: \(reason)")
    }

    static let internalFault = Problem(
        status: .internalServerError, kind: "internal", title: "Something went wrong here",
        detail: "the cause is in the orchestrator's log")

    /// What an error of the database means for a caller.
    init(_ error: PostgresError) {
        switch error.code {
        case .connectFailed, .connectionLost, .connectionClosed, .responseTimeout, .poolDeadline, .poolClosed,
            .cancelled:
            self = .unavailable("PostgreSQL can't be reached")
        case .poolFull:
            self = .busy()
        case _ where error.sqlState?.description == "57014":
            self = .unavailable("the question took PostgreSQL too long")
        default:
            self = error.isConnectionFault ? .unavailable("PostgreSQL can't be reached") : .internalFault
        }
    }

    private static func summary(of faults: [Fault]) -> String {
        guard faults.count == 1 else { return "\(faults.count) faults were found" }
        return faults[0].pointer.isEmpty ? faults[0].message : "\(faults[0].pointer): \(faults[0].message)"
    }
}
