import ProjectTools
import Testing

@Suite("What git may be given as a name")
struct GitNameTests {
    @Test(
        "names that git takes for branches",
        arguments: ["main", "feature/x", "a.b-c_d", "v1", "é", "lock", "a.lockx", String(repeating: "a", count: 200)])
    func branches(name: String) {
        #expect(GitName.isBranch(name))
    }

    @Test(
        "names that it doesn't",
        arguments: [
            "", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b",
            "a.lock", "a.lock/b", "a.", "@", "a@{b", "HEAD", "a\u{7F}", "a\nb", "a\r\nb", "a\0", "a~\u{301}",
            "-\u{301}x", String(repeating: "a", count: 201),
        ])
    func noBranches(name: String) {
        #expect(!GitName.isBranch(name))
    }

    @Test(
        "locations that run nothing here",
        arguments: ["/srv/a b", "file:///a", "https://host/x", "http://host/x", "ssh://git@host/x", "git@host:x"])
    func locations(text: String) {
        #expect(GitName.isLocation(text))
    }

    @Test(
        "locations that would run something, or lie elsewhere than said",
        arguments: [
            "", "ext::sh -c x", "relative/path", "-u", "file:relative", "/a\nb", "/a\0", "fd::17",
            "/" + String(repeating: "a", count: 2000),
        ])
    func noLocations(text: String) {
        #expect(!GitName.isLocation(text))
    }

    @Test("passwords in URLs are not shown")
    func redacted() {
        #expect(GitName.redacted("https://user:pa@ss@host/x@y") == "https://…@host/x@y")
        #expect(GitName.redacted("https://host/x@y") == "https://host/x@y")
        #expect(GitName.redacted("git@host:x") == "git@host:x")
        let text = "fatal: unable to access 'https://u:p@host/x': no"
        #expect(GitName.redacted(text, about: "https://u:p@host/x") == "fatal: unable to access 'https://…@host/x': no")
    }
}
