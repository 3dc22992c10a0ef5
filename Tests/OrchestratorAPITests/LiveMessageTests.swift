import JSONTools
import Testing

@testable import OrchestratorAPI

@Suite("What clients say on a live connection")
struct LiveMessageTests {
    private static let id = "01997d2b-7001-7b3c-a4d5-e6f708192a3b"

    @Test("Each action is read with what belongs to it")
    func actions() throws {
        let id = try #require(UniqueID(Self.id))
        func read(_ text: String) throws -> LiveMessage { try LiveMessage(Array(text.utf8)) }
        #expect(try read(#"{"action": "ping"}"#) == .ping)
        #expect(try read(#"{"action": "metrics"}"#) == .metrics(true))
        #expect(try read(#"{"action": "metrics", "enabled": false}"#) == .metrics(false))
        #expect(try read(#"{"action": "subscribe"}"#) == .subscribe(workflowID: nil, types: nil, after: 0))
        #expect(
            try read(#"{"action": "subscribe", "workflow_id": "\#(Self.id)", "after": 7, "types": ["stage_failed"]}"#)
                == .subscribe(workflowID: id, types: ["stage_failed"], after: 7))
        #expect(
            try read(#"{"action": "unsubscribe", "workflow_id": "\#(Self.id)"}"#) == .unsubscribe(workflowID: id))
    }

    @Test(
        "All else is refused",
        arguments: [
            "", "{", "[]", "{}", #"{"action": null}"#, #"{"action": "shout"}"#,
            #"{"action": "subscribe", "colour": 1}"#,
            #"{"action": "subscribe", "workflow_id": "x"}"#, #"{"action": "subscribe", "after": -1}"#,
            #"{"action": "subscribe", "types": "all"}"#, #"{"action": "subscribe", "types": [1]}"#,
        ])
    func refusals(_ text: String) {
        #expect(throws: Problem.self) { try LiveMessage(Array(text.utf8)) }
    }
}

@Suite("Cookies of browsers")
struct SessionTests {
    @Test(
        "The secret is found among other cookies",
        arguments: [
            ("baton_session=abc", "abc"), ("a=b; baton_session=abc; c=d", "abc"), ("a=b", nil), ("", nil),
            ("xbaton_session=abc", nil), ("baton_session", nil), ("baton_session=a=b", "a=b"),
        ] as [(String, String?)])
    func secrets(_ field: String, _ secret: String?) {
        #expect(Session.secret(in: field) == secret)
    }

    @Test(
        "An origin is ours if its host is the one that was asked",
        arguments: [
            ("http://localhost:3000", "localhost:3000", true), ("https://Baton.example", "baton.example", true),
            ("http://localhost:3001", "localhost:3000", false), ("null", "localhost", false), ("", "localhost", false),
            ("http://evil.example", "localhost", false),
        ])
    func origins(_ origin: String, _ host: String, _ isOurs: Bool) {
        #expect(Session.isOurs(origin, host: host) == isOurs)
    }

    @Test("The cookie can't be read by scripts nor sent by other sites, and goes when it is taken away")
    func attributes() {
        let field = Session.setCookie("x", seconds: 60, isSecure: true)
        #expect(field == "baton_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure")
        #expect(Session.setCookie(nil, seconds: 60, isSecure: false).contains("Max-Age=0"))
    }
}
