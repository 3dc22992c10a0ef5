import HTTPTypes
import Hummingbird
import JSONTools
import Testing
import WorkflowCore
import WorkflowStorage

@testable import OrchestratorAPI

@Suite("Checking of requests")
struct WorkflowRequestTests {
    private func faults(_ body: JSONObject, header: String? = nil) -> [String: String] {
        do throws(Problem) {
            _ = try WorkflowRequest(
                body, headerKey: header, types: ["app": InputRule(schema: nil), "bugfix": InputRule(schema: nil)])
            return [:]
        } catch {
            return Dictionary(error.faults.map { ($0.pointer, $0.message) }) { first, _ in first }
        }
    }

    @Test(
        "A name is a word that is safe in paths, addresses and shells",
        arguments: [
            ("calculator-app", true), ("a", true), ("A1.b_c-d", true), ("7up", true),
            (String(repeating: "x", count: 64), true), (String(repeating: "x", count: 65), false), ("", false),
            (".", false), ("-a", false), ("a-", false), ("a..b", false), ("a b", false), ("../etc", false),
            ("a/b", false), ("a\nb", false), ("a\u{0}b", false), ("naïve", false), ("$(id)", false), ("a;b", false),
        ])
    func names(name: String, isGood: Bool) {
        #expect((WorkflowRequest.fault(ofName: name) == nil) == isGood, "\(name)")
    }

    @Test(
        "Each fault is found and points to its field",
        arguments: [
            (["name": "a"], "/type", "is missing"),
            (["type": "app"], "/name", "is missing"),
            (["type": 7, "name": "a"], "/type", "found an integer; expected a string"),
            (["type": .null, "name": "a"], "/type", "found null; expected a string"),
            (["type": "ap", "name": "a"], "/type", "did you mean 'app'?"),
            (["type": "zzzzzz", "name": "a"], "/type", "expected one of app, bugfix"),
            (["type": "app", "name": "a", "nmae": 1], "/nmae", "did you mean 'name'?"),
            (["type": "app", "name": "a", "a/b": 1], "/a~1b", "unknown field"),
            (["type": "app", "name": "a", "priority": "hihg"], "/priority", "did you mean 'high'?"),
            (["type": "app", "name": "a", "input_data": "x"], "/input_data", "found a string; expected an object"),
            (["type": "app", "name": "a", "description": ["x"]], "/description", "found an array"),
            (["type": "app", "name": "a", "trace_id": "00000000000000000000000000000000"], "/trace_id", "not all 0"),
            (["type": "app", "name": "a", "idempotency_key": "a\u{7}"], "/idempotency_key", "control character"),
        ] as [(JSONObject, String, String)])
    func finds(body: JSONObject, pointer: String, words: String) {
        let found = faults(body)
        #expect(found[pointer]?.contains(words) == true, "\(found)")
    }

    @Test("Absent and null options are the same; the key may come from the header")
    func accepts() throws {
        let types = ["app": InputRule(schema: nil)]
        let plain = try WorkflowRequest(["type": "app", "name": "a"], headerKey: nil, types: types)
        let nulls = try WorkflowRequest(
            ["type": "app", "name": "a", "priority": .null, "input_data": .null, "requirements": .null],
            headerKey: "k", types: types)
        #expect(plain.priority == .medium)
        #expect(nulls.priority == .medium)
        #expect(nulls.input == [:])
        #expect(nulls.idempotencyKey == "k")
        let keyed = try WorkflowRequest(
            ["name": "a", "idempotency_key": "k", "type": "app"], headerKey: nil, types: types)
        #expect(keyed.bodyHash == plain.bodyHash, "neither the order nor the key belongs to what is asked for")
        let other = try WorkflowRequest(["type": "app", "name": "b"], headerKey: nil, types: types)
        #expect(other.bodyHash != plain.bodyHash)
    }

    @Test("A problem document has the members of RFC 9457")
    func problemDocuments() async throws {
        var problem = Problem.invalid([Problem.Fault(pointer: "/name", message: "is missing")])
        problem.members = ["extra": 1]
        let response = problem.response(instance: "/api/v1/workflows")
        #expect(response.status == .unprocessableContent)
        #expect(response.headers[.contentType] == "application/problem+json")
        let busy = Problem.busy().response(instance: "/")
        #expect(busy.status == .tooManyRequests)
        #expect(busy.headers[.retryAfter] == "1")
        let large = Problem.tooLarge(limitBytes: 7).response(instance: "/")
        #expect(large.headers[.connection] == "close")
    }

    @Test(
        "Only a hash is a hash",
        arguments: [
            (String(repeating: "a", count: 64), true), (String(repeating: "0", count: 64), true),
            (String(repeating: "A", count: 64), false), (String(repeating: "a", count: 63), false),
            (String(repeating: "a", count: 65), false), ("../" + String(repeating: "a", count: 61), false),
            (String(repeating: "é", count: 32), false),
        ])
    func hashes(text: String, isHash: Bool) {
        #expect(ArtifactController.isHash(text) == isHash)
    }

    @Test(
        "A type that an agent made up does not get into a header",
        arguments: [
            ("text/html", "text/html; charset=utf-8"), ("IMAGE/PNG", "image/png"),
            ("text/plain; charset=latin1", "text/plain; charset=utf-8"), ("nonsense", "application/octet-stream"),
            ("a/b\r\nX: y", "application/octet-stream"), ("", "application/octet-stream"),
        ])
    func types(type: String, expected: String) {
        #expect(ArtifactController.contentType(type) == expected)
    }

    @Test(
        "Ranges are read as RFC 9110 says",
        arguments: [
            (nil, nil), ("bytes=0-4", 0...4), ("bytes=5-", 5...9), ("bytes=-3", 7...9), ("bytes=-99", 0...9),
            ("bytes=8-99", 8...9), ("bytes=4-2", nil), ("bytes=0-1,3-4", nil), ("items=0-1", nil), ("bytes=x-1", nil),
        ] as [(String?, ClosedRange<Int>?)])
    func ranges(field: String?, expected: ClosedRange<Int>?) throws {
        #expect(try ByteRange.read(field, size: 10) == expected)
    }

    @Test("A range behind the end is refused")
    func rangeOutside() {
        #expect(throws: Problem.self) { try ByteRange.read("bytes=10-", size: 10) }
    }

    @Test("Secrets are compared as a whole")
    func comparison() {
        #expect(TokenRegistry.areEqual("abc", "abc"))
        #expect(!TokenRegistry.areEqual("abc", "abd"))
        #expect(!TokenRegistry.areEqual("abc", "abcd"))
        #expect(!TokenRegistry.areEqual("", "a"))
    }

    @Test("Base64 for addresses is read back", arguments: [[], [0], [255, 254], [251, 239, 190, 1]] as [[UInt8]])
    func base64(bytes: [UInt8]) {
        let text = Base64URL.encode(bytes)
        #expect(!text.contains { "+/=".contains($0) })
        #expect(Base64URL.decode(text) == bytes)
    }
}
