import Testing

@testable import ValidationAgent

@Suite("secrets")
struct SecretTests {
    let scanner = SecretScanner()

    /// In two parts each, so that no scanner takes this file for a leak.
    static let secrets: [(rule: String, line: String)] = [
        ("aws-access-key", "key = AKIA" + "Q3EGRIPWZ7XK4ABC"),
        ("github-token", "https://x:ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a@github.com"),
        ("slack-token", "\"xoxb-" + "263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1\""),
        ("stripe-key", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"),
        ("google-api-key", "AIza" + "SyD4f8K2mQ9xTzL0vRb7NcYwUe3HgJpAs1B"),
        ("npm-token", "//registry/:_authToken=npm_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"),
        ("anthropic-key", "sk-ant-" + "api03-Zx8Kq2Lm9Pv4Rt7Wy1Bn6Cd3"),
        ("private-key", "-----BEGIN RSA " + "PRIVATE KEY-----"),
        ("url-password", "postgres://app:s3cr" + "Hu7Kq9@db.internal/app"),
        ("named-value", "password: \"hT7#" + "kPq92!xLm4\""), ("named-value", "DB_PASSWORD=x8Kq" + "2Lm9Pv4Rt7"),
        ("named-value", "{\"client_secret\": \"Zx8Kq2Lm" + "9Pv4Rt7Wy1Bn\"}"),
        ("named-value", "const apiKey = 'd41Kq9Lm" + "2Pv4Rt7Wy1';"),
        ("high-entropy", "const blob = \"q8Z3kV0nT5mB7xR2wL9c" + "J4hG6fD1sA0pYeUiOqWz\";"),
    ]

    @Test("what is one is found", arguments: secrets)
    func found(rule: String, line: String) {
        let found = scanner.scan(line.utf8)
        #expect(found.map(\.rule) == [rule])
        #expect(found.allSatisfy { $0.isCertain == (rule != "high-entropy") })
    }

    @Test(
        "what is none is left alone",
        arguments: [
            "const token = tokenize(expression);", "password: \"\"", "password: ${DB_PASSWORD}",
            "token: 'your-token-here-123'",
            "secret = process.env.SECRET_KEY_1", "\"integrity\": \"sha512-q8Z3kV0nT5mB7xR2wL9cJ4hG6fD1sA0pYeUiOqWz==\"",
            "code: 'INVALID_TOKEN_ERROR'", "token_type: \"refresh_token_expired\"",
            "postgres://app:password@localhost/app",
            "https://example.com:8080/a@b", "AKIAIOSFODNN7EXAMPLE", "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
            "\"9fceb02d0ae598e95dc970b74767f19372d61af89fceb02d0ae598e95dc970b7\"", "sk-short", "mask-xoxb",
            "eyJhbGciOiJ9",
            "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'", "",
            "the password is asked for when the token has expired 3 times",
            "\"--test-reporter-destination=reports/junit.xml\"",
        ])
    func leftAlone(line: String) {
        #expect(scanner.scan(line.utf8) == [])
    }

    @Test("findings show place, rule and digest, and not the secret")
    func findings() throws {
        let secret = "AKIA" + "Q3EGRIPWZ7XK4ABC"
        let text = "first\nkey = \(secret) # \(secret)\n"
        let findings = SecretCheck.scan(Array(text.utf8), path: "a.js", scanner, SecretAllowList())
        let finding = try #require(findings.first)
        #expect(findings.count == 1, "a text that stands twice in a line is one finding")
        #expect(finding.place == "a.js:2" && finding.rule == "secret/aws-access-key" && finding.severity == .error)
        #expect(!finding.message.contains(secret))
        let entry = SecretAllowList.entry(for: secret)
        #expect(finding.message.contains(entry))
        let allowed = SecretAllowList("# ours\n\(entry)\n")
        #expect(SecretCheck.scan(Array(text.utf8), path: "a.js", scanner, allowed).isEmpty)
    }

    @Test(
        "allowed paths",
        arguments: [
            ("tests/fixtures/*", "tests/fixtures/a/b.pem", true), ("tests/fixtures/*", "src/tests/fixtures/a", false),
            ("*.pem", "a/b.pem", true), ("*.pem", "a.pem.js", false), ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "acb", false),
            ("exact.txt", "exact.txt", true), ("exact.txt", "exact.txt2", false), ("*", "", true),
        ])
    func paths(pattern: String, path: String, isAllowed: Bool) {
        #expect(SecretAllowList(" \(pattern) \n").allows(path: path) == isAllowed)
    }

    @Test("an allow-list's broken lines are told")
    func faults() {
        #expect(SecretAllowList("a\nsha256:abc\n\nsha256:xyzxyzxyzxyz\n# sha256:no\n").faults == [2, 4])
        #expect(!SecretAllowList("sha256:abc").allows(text: "x"))
    }

    @Test(
        "entropy in bits a character",
        arguments: [("", 0.0), ("aaaa", 0), ("abab", 1), ("abcd", 2), ("aabbccdd", 2), ("abc", 1.58496)])
    func entropy(text: String, bits: Double) {
        #expect((SecretScanner.entropy(Array(text.utf8)) - bits).magnitude < 1e-4)
    }
}
