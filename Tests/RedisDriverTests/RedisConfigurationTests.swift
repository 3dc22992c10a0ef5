import RedisDriver
import Testing

@Suite struct RedisConfigurationTests {
    private static func expected(
        _ endpoint: RedisConfiguration.Endpoint, user: String? = nil, password: String? = nil, database: Int = 0
    ) -> RedisConfiguration {
        var configuration = RedisConfiguration(endpoint: endpoint)
        configuration.username = user
        configuration.password = password
        configuration.database = database
        return configuration
    }

    @Test(arguments: [
        ("redis://localhost", expected(.tcp(host: "localhost", port: 6379))),
        ("redis://:6380", expected(.tcp(host: "127.0.0.1", port: 6380))),
        ("redis://example.org:6380/3", expected(.tcp(host: "example.org", port: 6380), database: 3)),
        ("redis://[::1]:6380/", expected(.tcp(host: "::1", port: 6380))),
        (
            "redis://agent:p%40ss%3A%25@h:1/2",
            expected(.tcp(host: "h", port: 1), user: "agent", password: "p@ss:%", database: 2)
        ),
        ("redis://:secret@h", expected(.tcp(host: "h", port: 6379), password: "secret")),
        (
            "redis://h?db=4&user=u&password=p",
            expected(.tcp(host: "h", port: 6379), user: "u", password: "p", database: 4)
        ),
        ("unix:///run/redis%20one.sock", expected(.unix(path: "/run/redis one.sock"))),
        ("unix://u:p@/run/r.sock?db=1", expected(.unix(path: "/run/r.sock"), user: "u", password: "p", database: 1)),
    ])
    func aURLSaysWhereTheServerIsAndWhoWeAre(url: String, expected: RedisConfiguration) throws {
        #expect(try RedisConfiguration(url: url) == expected)
    }

    @Test(arguments: [
        ("http://localhost", "expected redis://"), ("redis://h:0", "port"), ("redis://h:70000", "port"),
        ("redis://h:x", "port"), ("redis://h/one", "database"), ("redis://h/-1", "database"),
        ("redis://h?tls=1", "option"),
        ("redis://a%2@h", "hexadecimal"), ("redis://a:%zz@h", "hexadecimal"), ("redis://user@h", "without a password"),
        ("unix://relative/path", "absolute path"), ("unix://", "absolute path"), ("rediss://h", "TLS"),
    ])
    func aURLWithoutMeaningIsRefusedWithTheReason(url: String, reason: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
    }

    @Test func aPasswordMayComeBesideTheURL() throws {
        let configuration = try RedisConfiguration(url: "redis://agent@h:1/2", password: "p@ss/word")
        #expect(configuration.username == "agent" && configuration.password == "p@ss/word")
        #expect(!"\(configuration)".contains("p@ss"))
        let error = #expect(throws: RedisError.self) {
            try RedisConfiguration(url: "redis://agent:one@h", password: "two")
        }
        #expect(error?.message.contains("another was given beside it") == true)
        #expect(error?.message.contains("one") == false)
    }

    @Test func noPasswordIsEverShown() throws {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: "redis://user:secret@h:x") }
        #expect(error?.message.contains("secret") == false)
        let other = #expect(throws: RedisError.self) { try RedisConfiguration(url: "redis://h/x?password=secret") }
        #expect(other?.message.contains("secret") == false)
        #expect(try !RedisConfiguration(url: "redis://user:secret@h").description.contains("secret"))
    }
}
