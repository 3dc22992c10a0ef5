import Glibc
import PostgresDriver
import PostgresTestSupport
import Testing

/// TLS, which libpq does as the URL's `sslmode` says.
@Suite
struct EncryptionTests {
    private func freePort() -> UInt16 {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            _ = bind(listener, address, length)
            getsockname(listener, address, &length)
        }
        return UInt16(bigEndian: address.sin_port)
    }

    @Test func resultsOfEverySizeArriveThroughTLS() async throws {
        let port = freePort()
        try await TestServer.with { server in
            try server.runShell(
                """
                openssl req -new -x509 -days 2 -nodes -newkey rsa:2048 -subj /CN=localhost \
                    -out "$DIR"/server.crt -keyout "$DIR"/server.key && chmod 600 "$DIR"/server.key
                """)
            let files = "-c ssl_cert_file=\(server.directory)/server.crt -c ssl_key_file=\(server.directory)/server.key"
            return "-c ssl=on \(files) -c listen_addresses=127.0.0.1 -p \(port)"
        } _: { server in
            let url = "postgresql://postgres@localhost:\(port)/postgres"
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(
                    url: "\(url)?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(server.directory)/server.crt"))
            let isEncrypted = try await connection.query(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            #expect(try isEncrypted.only().bool(0))
            // Sizes around those of TLS records and of libpq's buffer, where data can stay behind unseen by poll.
            for size in [1, 8191, 8192, 16_000, 16_383, 16_384, 16_385, 24_576, 40_000, 1_000_000] {
                let echo = try await connection.pipeline([
                    PostgresStatement("SELECT repeat('x', $1)", [.int4(Int32(size))]),
                    PostgresStatement("SELECT $1", [.bytes([UInt8](repeating: 1, count: size))]),
                    PostgresStatement("SELECT repeat('y', $1) FROM generate_series(1, 20)", [.int4(Int32(size))]),
                ])
                #expect(try echo[0].only().text(0).utf8.count == size)
                #expect(try echo[1].only().bytes(0).count == size)
                #expect(echo[2].count == 20)
            }
            await connection.close()
            let untrusted = try await postgresError {
                _ = try await PostgresConnection.connect(
                    PostgresConfiguration(url: "\(url)?hostaddr=127.0.0.1&sslmode=verify-full"))
            }
            #expect(untrusted.code == .connectFailed)
            #expect(untrusted.outcome == .notSent)
        }
    }
}
