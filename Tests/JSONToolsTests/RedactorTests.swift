import Foundation
import JSONTools
import Testing

@Suite("Secrets are taken out")
struct RedactorTests {
    private let secret = #"h"7 <p>/é+%\ö&'s=ü"#
    private var redactor: Redactor { Redactor([(name: "KEY", value: secret)]) }

    private func feed(_ text: [UInt8], _ redactor: Redactor, cutAt cuts: [Int]) -> [UInt8] {
        var stream = RedactingStream(redactor)
        var result: [UInt8] = []
        var position = 0
        for cut in cuts + [text.count] {
            text[position..<cut].withUnsafeBytes { result += stream.feed($0) }
            position = cut
        }
        return result + stream.finish()
    }

    @Test("In every usual form")
    func forms() throws {
        let data = Data(secret.utf8)
        let plain = data.base64EncodedString()
        let url = plain.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let unreserved = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\0"..."~"))
            .union(CharacterSet(charactersIn: "-._~"))
        let percent = try #require(secret.addingPercentEncoding(withAllowedCharacters: unreserved))
        let json = String(decoding: try JSONEncoder().encode([secret]), as: UTF8.self).dropFirst(2).dropLast(2)
        let html = secret.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
        let hex = data.map { String(format: "%02x", $0) }.joined()
        for form in [secret, percent, percent.replacing("%20", with: "+"), String(json), html, hex, hex.uppercased()] {
            #expect(redactor.redact("a \(form) z") == "a [secret KEY] z", "\(form)")
        }
        // Whatever stands around it in what was encoded: of the secret's own characters at most one is left at each end.
        for (before, after) in [("", ""), ("u:", ""), ("me:", "!"), ("user:", "\n"), ("{\"password\":\"", "\"}")] {
            let whole = Data((before + secret + after).utf8).base64EncodedString()
            let redacted = redactor.redact(whole)
            #expect(redacted.contains("[secret KEY]"), "\(whole)")
            #expect(redacted.count <= whole.count - data.count * 4 / 3 + 3 + "[secret KEY]".count, "\(redacted)")
        }
        #expect(redactor.redact("Bearer \(url)").hasPrefix("Bearer [secret KEY]"))
    }

    @Test("A key of several lines, also line by line")
    func lines() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nABCDEFGHIJKLMNOP\n-----END KEY-----"
        let redactor = Redactor([(name: "PEM", value: key)])
        #expect(redactor.redact("<\(key)>") == "<[secret PEM]>")
        #expect(redactor.redact("1 MIIEvQIBADANBgkqhkiG\n2 ABCDEFGHIJKLMNOP") == "1 [secret PEM]\n2 [secret PEM]")
    }

    @Test("What is too short to be told from other text is left alone, and so is everything else")
    func short() {
        #expect(Redactor([(name: "A", value: "seven77")]).isEmpty)
        #expect(Redactor([(name: "A", value: "seven77")]).redact("seven77") == "seven77")
        #expect(Redactor.none.redact("anything at all") == "anything at all")
        let redactor = Redactor([(name: "A", value: "eight888")])
        #expect(redactor.redact("eight888") == "[secret A]")
        for text in ["", "e", "eight88", "eight88 8", "EIGHT888", "xxeight88"] {
            #expect(redactor.redact(text) == text)
        }
    }

    @Test("Several secrets: the first counts, of those that begin together the longest")
    func several() {
        let redactor = Redactor([
            (name: "ONE", value: "password"), (name: "TWO", value: "password-of-two"),
            (name: "THREE", value: "of-two-and-three"),
        ])
        #expect(redactor.redact("password password-of-two") == "[secret ONE] [secret TWO]")
        #expect(redactor.redact("password-of-two-and-three") == "[secret TWO]-and-three")
        #expect(redactor.redact("passwordpassword") == "[secret ONE][secret ONE]")
    }

    @Test("In values of JSON, keys included; what holds none is the same")
    func values() throws {
        let value = try JSONValue(parsing: Array(#"{"a":["x",{"k-hunter2hunter2":"hunter2hunter2!"}],"n":1.5}"#.utf8))
        let redactor = Redactor([(name: "PW", value: "hunter2hunter2")])
        let redacted = redactor.redact(value)
        #expect(
            String(decoding: redacted.encoded(), as: UTF8.self)
                == #"{"a":["x",{"k-[secret PW]":"[secret PW]!"}],"n":1.5}"#)
        #expect(Redactor([(name: "PW", value: "something else")]).redact(value) == value)
    }

    @Test("A stream is redacted wherever it is cut")
    func everyCut() {
        let text = Array("say \(secret), \(secret)\(secret) and h\"7 <p>/é".utf8)
        let expected = "say [secret KEY], [secret KEY][secret KEY] and h\"7 <p>/é"
        for first in 0...text.count {
            for second in first...text.count {
                let result = feed(text, redactor, cutAt: [first, second])
                #expect(String(decoding: result, as: UTF8.self) == expected, "cut at \(first) and \(second)")
            }
        }
        #expect(String(decoding: feed(text, redactor, cutAt: Array(1..<text.count)), as: UTF8.self) == expected)
    }

    @Test("A stream gives the same as the whole, for secrets and texts of few letters")
    func random() {
        var random = RandomNumbers(state: 7)
        for _ in 0..<400 {
            func word(_ range: ClosedRange<Int>) -> String {
                String((0..<Int.random(in: range, using: &random)).map { _ in Bool.random(using: &random) ? "a" : "b" })
            }
            let secrets = (0..<Int.random(in: 1...4, using: &random)).map { (name: "S\($0)", value: word(8...12)) }
            let redactor = Redactor(secrets)
            let text = Array(word(0...120).utf8)
            let whole = redactor.redact(text)
            #expect(!redactor.finds(in: whole), "\(secrets) \(String(decoding: text, as: UTF8.self))")
            var cuts = (0..<6).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
            #expect(
                feed(text, redactor, cutAt: cuts) == whole,
                "\(secrets) \(String(decoding: text, as: UTF8.self)) \(cuts)")
            cuts = Array(0..<text.count)
            #expect(feed(text, redactor, cutAt: cuts) == whole)
        }
    }

    @Test("Only what could be the beginning of a secret is held back")
    func held() {
        var stream = RedactingStream(Redactor([(name: "PW", value: "hunter2hunter2")]))
        func feed(_ text: String) -> String {
            Array(text.utf8).withUnsafeBytes { String(decoding: stream.feed($0), as: UTF8.self) }
        }
        #expect(feed("a line\n") == "a line\n")
        #expect(feed("login: hunt") == "login: ")
        #expect(feed("er3\n") == "hunter3\n")
        #expect(feed("hunter2") == "")
        #expect(feed("hunter2") == "[secret PW]")
        #expect(stream.count == 1)
    }

    private struct RandomNumbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
