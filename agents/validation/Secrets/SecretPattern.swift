/// Tokens that tell their kind by how they begin.
struct SecretPattern: Sendable, Hashable {
    /// What a finding calls it, below `secret/`.
    var rule: String
    var prefix: [UInt8]
    /// How many characters have to follow the prefix at least.
    var minimumTail: Int
    /// The characters that may follow besides letters and digits.
    var signs: Set<UInt8>

    init(_ rule: String, _ prefix: String, _ minimumTail: Int, signs: String = "") {
        self.rule = rule
        self.prefix = Array(prefix.utf8)
        self.minimumTail = minimumTail
        self.signs = Set(signs.utf8)
    }

    /// The published formats of the issuers, longest prefix first where one begins another.
    static let known: [SecretPattern] = [
        SecretPattern("aws-access-key", "AKIA", 16), SecretPattern("aws-access-key", "ASIA", 16),
        SecretPattern("github-token", "ghp_", 36), SecretPattern("github-token", "gho_", 36),
        SecretPattern("github-token", "ghu_", 36), SecretPattern("github-token", "ghs_", 36),
        SecretPattern("github-token", "ghr_", 36), SecretPattern("github-token", "github_pat_", 22, signs: "_"),
        SecretPattern("gitlab-token", "glpat-", 20, signs: "_-"),
        SecretPattern("slack-token", "xoxb-", 16, signs: "-"), SecretPattern("slack-token", "xoxp-", 16, signs: "-"),
        SecretPattern("slack-token", "xoxa-", 16, signs: "-"), SecretPattern("slack-token", "xoxr-", 16, signs: "-"),
        SecretPattern("slack-token", "xoxs-", 16, signs: "-"),
        SecretPattern("stripe-key", "sk_live_", 16), SecretPattern("stripe-key", "rk_live_", 16),
        SecretPattern("google-api-key", "AIza", 35, signs: "_-"),
        SecretPattern("npm-token", "npm_", 36), SecretPattern("pypi-token", "pypi-AgEI", 50, signs: "_-"),
        SecretPattern("anthropic-key", "sk-ant-", 24, signs: "_-"),
        SecretPattern("openai-key", "sk-proj-", 24, signs: "_-"),
        SecretPattern("openai-key", "sk-", 40), SecretPattern("sendgrid-key", "SG.", 40, signs: "_-."),
        SecretPattern("json-web-token", "eyJ", 60, signs: "_-."),
    ]

    /// The end of a token that begins at `start`; nil when none does.
    func match(_ line: [UInt8], at start: Int) -> Int? {
        guard start + prefix.count + minimumTail <= line.count,
            line[start..<start + prefix.count].elementsEqual(prefix)
        else { return nil }
        var end = start + prefix.count
        while end < line.count, line[end].isLetterOrDigit || signs.contains(line[end]) { end += 1 }
        return end - start - prefix.count >= minimumTail ? end : nil
    }
}

extension UInt8 {
    /// Whether it is an ASCII letter or digit.
    var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
