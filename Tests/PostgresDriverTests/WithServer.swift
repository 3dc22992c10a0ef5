import PostgresTestSupport
import Testing

/// All suites that share a server.
@Suite(.sharedServer)
enum WithServer {}
