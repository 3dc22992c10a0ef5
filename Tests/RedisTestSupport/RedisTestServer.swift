import Glibc
import Synchronization

/// A redis-server of a test's own, in a directory of its own; gone with the object, and with the test process.
public final class RedisTestServer: Sendable {
    /// The path of its Unix domain socket.
    public let socketPath: String
    /// Its TCP port on 127.0.0.1; 0 if it listens on the socket only.
    public let port: Int
    private let directory: String
    private let arguments: [String]
    private let state = Mutex(State())

    private struct State {
        /// The leader of the server's process group; 0 if there is none.
        var process: pid_t = 0
        /// Closed by the system when the test process ends, however that happens, which ends the server.
        var lifeline: Int32 = -1
    }

    /// Becomes the server, after it left someone behind who kills it when the lifeline (descriptor 3) is cut.
    private static let script = "(read -r line <&3; kill -KILL $$) & exec redis-server \"$@\" 3<&-"

    /// Starts a server. It may not be ready yet: a client waits for it by itself.
    ///
    /// - Parameters:
    ///   - listensOnTCP: on a free port of 127.0.0.1 too.
    ///   - settings: more arguments of redis-server.
    public init(listensOnTCP: Bool = false, settings: [String] = []) {
        var template = Array("/tmp/redis-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "No directory for a test server: error \(errno).")
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        socketPath = directory + "/redis.sock"
        port = listensOnTCP ? Self.freePort() : 0
        arguments =
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socketPath, "--dir",
                directory,
                "--save", "", "--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", "noeviction",
            ] + settings
        start()
    }

    deinit {
        kill()
        removeAll(directory)
    }

    /// Starts the server, with what it had written, after ``kill()``.
    public func start() {
        state.withLock { state in
            guard state.process == 0 else { return }
            var ends: [Int32] = [-1, -1]
            let made = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
            precondition(made == 0, "No lifeline for a test server: error \(errno).")
            defer { close(ends[0]) }
            state.lifeline = ends[1]
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, directory + "/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
            posix_spawn_file_actions_adddup2(&actions, ends[0], 3)
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            posix_spawnattr_setpgroup(&attributes, 0)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
            var words: [UnsafeMutablePointer<CChar>?] = (["sh", "-c", Self.script] + arguments).map { strdup($0) }
            words.append(nil)
            defer { for word in words { free(word) } }
            let status = posix_spawn(&state.process, "/bin/sh", &actions, &attributes, words, environ)
            precondition(status == 0, "redis-server can't be started (error \(status)). Is it installed?")
        }
    }

    /// Kills the server, at once, and waits until it is gone.
    public func kill() {
        state.withLock { state in
            guard state.process != 0 else { return }
            Glibc.kill(-state.process, SIGKILL)
            waitpid(state.process, nil, 0)
            close(state.lifeline)
            state = State()
        }
    }

    /// Stops the server where it stands, so that it answers nothing, or lets it go on.
    public func freeze(_ frozen: Bool) {
        state.withLock { state in
            guard state.process != 0 else { return }
            Glibc.kill(state.process, frozen ? SIGSTOP : SIGCONT)
        }
    }

    private func removeAll(_ path: String) {
        guard let stream = opendir(path) else {
            unlink(path)
            return
        }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { removeAll(path + "/" + name) }
        }
        closedir(stream)
        rmdir(path)
    }

    /// A port of 127.0.0.1 that nobody listens on now.
    public static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(descriptor, pointer, size)
                getsockname(descriptor, pointer, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
