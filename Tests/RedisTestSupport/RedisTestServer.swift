import Glibc
import Synchronization

/// A redis-server of a test's own, in a directory of its own; gone with the object.
public final class RedisTestServer: Sendable {
    /// The path of its Unix domain socket.
    public let socketPath: String
    /// Its TCP port on 127.0.0.1; 0 if it listens on the socket only.
    public let port: Int
    private let directory: String
    private let arguments: [String]
    private let process = Mutex<pid_t>(0)

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
        process.withLock { process in
            guard process == 0 else { return }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, directory + "/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
            var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
            words.append(nil)
            let status = posix_spawnp(&process, "redis-server", &actions, nil, words, environ)
            for word in words { free(word) }
            posix_spawn_file_actions_destroy(&actions)
            precondition(status == 0, "redis-server can't be started (error \(status)). Is it installed?")
        }
    }

    /// Kills the server, at once, and waits until it is gone.
    public func kill() {
        process.withLock { process in
            guard process != 0 else { return }
            Glibc.kill(process, SIGKILL)
            waitpid(process, nil, 0)
            process = 0
        }
    }

    /// Stops the server where it stands, so that it answers nothing, or lets it go on.
    public func freeze(_ frozen: Bool) {
        process.withLock { process in
            guard process != 0 else { return }
            Glibc.kill(process, frozen ? SIGSTOP : SIGCONT)
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
