package import Glibc
package import PostgresDriver
import Synchronization
package import Testing

/// A PostgreSQL server of the tests' own, in a short temporary directory, on a Unix socket only.
///
/// A shell stands between: it stops the server, and removes its files, when the tests close its input or die.
package final class TestServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    private struct State {
        var shell: pid_t = 0
        var input: Int32 = -1
    }

    package let directory: String
    private let state = Mutex(State())

    /// The server that a suite shares.
    @TaskLocal package static var shared: TestServer?

    package static func current() throws -> TestServer {
        guard let shared else { throw Failure(description: "This test must stand in a suite with a server.") }
        return shared
    }

    /// Starts a server for `body` and removes it afterwards.
    package static func with<Value>(
        options: (TestServer) throws -> String = { _ in "" }, _ body: (TestServer) async throws -> Value
    ) async throws -> Value {
        let server = try TestServer()
        defer { server.remove() }
        try server.start(options: try options(server))
        return try await body(server)
    }

    private init() throws {
        var template = Array("/tmp/bpg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "No temporary directory: \(errno)") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if getuid() == 0, let user = getpwnam("postgres") {
            chown(directory, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        try runShell(
            "\"$BIN\"/initdb -D \"$DIR\"/data -U postgres -A trust --no-sync -E UTF8 --locale=C >\"$DIR\"/initdb.log 2>&1"
        )
    }

    /// Starts the server and waits until it accepts connections.
    package func start(options: String = "") throws {
        let script = """
            for try in 1 2 3 4 5 6 7 8 9 10; do
                "$BIN"/pg_ctl -D "$DIR"/data -l "$DIR"/log -w -t 20 start \
                    -o "-k $DIR -c listen_addresses='' -c fsync=off -c max_connections=300 $OPTIONS" \
                    >/dev/null 2>&1 </dev/null && break
                sleep 0.2
            done
            "$BIN"/pg_ctl -D "$DIR"/data status >/dev/null 2>&1 || exit 1
            echo ready
            read line; keep=$?
            kill -CONT $(head -1 "$DIR"/data/postmaster.pid) 2>/dev/null
            "$BIN"/pg_ctl -D "$DIR"/data stop -m immediate -t 10 >/dev/null 2>&1
            [ $keep = 0 ] || rm -rf "$DIR"
            exit 0
            """
        var toShell: [Int32] = [-1, -1]
        var fromShell: [Int32] = [-1, -1]
        let shell = try Self.spawning.withLock { _ in
            guard pipe(&toShell) == 0, pipe(&fromShell) == 0 else {
                throw Failure(description: "No pipe: \(errno)")
            }
            for end in toShell + fromShell { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return try spawnShell(script, options: options, input: toShell[0], output: fromShell[1])
        }
        close(toShell[0])
        close(fromShell[1])
        defer { close(fromShell[0]) }
        state.withLock { $0 = State(shell: shell, input: toShell[1]) }
        var byte: UInt8 = 0
        guard read(fromShell[0], &byte, 1) == 1 else {
            throw Failure(description: "The server did not start; see \(directory)/log")
        }
    }

    /// Stops the server as a power cut would. It can be started again.
    package func stop() { stop(keepingData: true) }

    /// Waits until the shell that guards the server has ended.
    private func stop(keepingData: Bool) {
        let state = state.withLock { state in
            defer { state = State() }
            return state
        }
        guard state.shell > 0 else { return }
        if keepingData { _ = write(state.input, "\n", 1) }
        close(state.input)
        var status: Int32 = 0
        while waitpid(state.shell, &status, 0) < 0, errno == EINTR {}
    }

    /// The server's main process.
    package var processID: pid_t {
        guard let file = fopen("\(directory)/data/postmaster.pid", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        guard fgets(&line, 32, file) != nil else { return 0 }
        return pid_t(atoi(line))
    }

    /// Stops the server and removes all its files.
    private func remove() {
        stop(keepingData: false)
        try? runShell("rm -rf \"$DIR\"")
    }

    package var url: String { url(database: "postgres") }

    /// Where a database of the server is.
    package func url(database: String) -> String { "postgresql://postgres@/\(database)?host=\(directory)" }

    /// A lock that the statements of a test wait for, so that they run for as long as the test wants.
    package func lock(_ key: Int64, _ observer: PostgresConnection) async throws {
        _ = try await observer.query("SELECT pg_advisory_lock($1)", [.int8(key)])
    }

    package func unlock(_ key: Int64, _ observer: PostgresConnection) async throws {
        _ = try await observer.query("SELECT pg_advisory_unlock($1)", [.int8(key)])
    }

    /// Waits until a session is at a statement that contains `text`.
    package func waitUntilRunning(_ text: String, _ observer: PostgresConnection) async throws {
        while try await observer.query(
            """
            SELECT FROM pg_stat_activity
            WHERE state = 'active' AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()
            """, [.text(text)]
        ).isEmpty {}
    }

    package func configuration() throws(PostgresError) -> PostgresConfiguration {
        try PostgresConfiguration(url: url)
    }

    package func connect(
        _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws(PostgresError) -> PostgresConnection {
        var configuration = try configuration()
        change(&configuration)
        return try await PostgresConnection.connect(configuration)
    }

    // MARK: Shell

    /// One child at a time, so that none inherits a pipe of another.
    private static let spawning = Mutex(())

    package func runShell(_ script: String) throws {
        let shell = try Self.spawning.withLock { _ in
            try spawnShell(script, options: "", input: -1, output: -1)
        }
        var status: Int32 = 0
        while waitpid(shell, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw Failure(description: "Status \(status) of: \(script)") }
    }

    /// Runs `/bin/sh -c`, as the user postgres if we are root.
    private func spawnShell(_ script: String, options: String, input: Int32, output: Int32) throws -> pid_t {
        var arguments = ["/bin/sh", "-c", script]
        if getuid() == 0 {
            arguments = ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + arguments
        }
        let environment = [
            "PATH=/usr/bin:/bin", "LC_ALL=C", "DIR=\(directory)", "BIN=\(Self.binaries)", "OPTIONS=\(options)",
        ]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        if input >= 0 {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if output >= 0 {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        let cArguments = arguments.map { strdup($0) } + [nil]
        let cEnvironment = environment.map { strdup($0) } + [nil]
        defer { for copy in cArguments + cEnvironment { free(copy) } }
        var child = pid_t()
        let status = posix_spawn(&child, arguments[0], &actions, nil, cArguments, cEnvironment)
        guard status == 0 else { throw Failure(description: "\(arguments[0]) could not be started: \(status)") }
        return child
    }

    /// The directory of the newest server installed, by Debian's layout.
    private static let binaries: String = {
        for version in stride(from: 20, through: 12, by: -1) {
            let path = "/usr/lib/postgresql/\(version)/bin"
            if access("\(path)/initdb", X_OK) == 0 { return path }
        }
        return "/usr/bin"
    }()
}

/// Gives a suite one server for all its tests.
package struct SharedServerTrait: SuiteTrait, TestScoping {
    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await TestServer.with { server in
            try await TestServer.$shared.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == SharedServerTrait {
    package static var sharedServer: SharedServerTrait { SharedServerTrait() }
}

/// Fails the test with what was thrown instead of a `PostgresError`.
package func postgresError(
    _ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> PostgresError {
    do {
        try await body()
    } catch let error as PostgresError {
        return error
    }
    Issue.record("A PostgresError was expected, nothing was thrown.", sourceLocation: sourceLocation)
    throw TestServer.Failure(description: "nothing was thrown")
}
