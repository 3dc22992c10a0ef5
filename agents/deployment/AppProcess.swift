import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// A deployed app's process: it leads a session of its own and outlives the agent.
enum AppProcess {
    /// The variable by which an app's processes are found again: the absolute path of the deployment's directory.
    static let markVariable = "BATON_DEPLOYMENT"

    /// `POSIX_SPAWN_SETSID` of glibc's <spawn.h>, which Swift doesn't import.
    private static let newSession: Int32 = 0x80

    /// A process in a form that a reused process id can't forge: id and start time in clock ticks since boot (field 22
    /// of `/proc/<pid>/stat`, see proc(5)).
    struct Identity: Sendable, Hashable {
        var processID: Int32
        var startTime: UInt64

        init(processID: Int32, startTime: UInt64) {
            self.processID = processID
            self.startTime = startTime
        }

        /// From the numbers of a record.
        init?(processID: Int?, startTime: Int?) {
            guard let processID = processID.flatMap(Int32.init(exactly:)), processID > 1,
                let startTime = startTime.flatMap(UInt64.init(exactly:))
            else { return nil }
            self.init(processID: processID, startTime: startTime)
        }

        /// Whether that very process still runs; a zombie doesn't.
        var isAlive: Bool {
            guard let stat = ProcessStat(of: processID) else { return false }
            return stat.startTime == startTime && !stat.isDead
        }
    }

    /// How an app is started.
    struct Order: Sendable, Hashable {
        /// Absolute path of the executable.
        var executable: String
        var arguments: [String]
        /// Everything that it gets; nothing is inherited.
        var environment: [String: String]
        var directory: String
        /// Both output streams are appended to this file.
        var log: String
        /// Starts it again when it crashes; nil for a process that ends with its first crash.
        var supervisor: AppSupervisor?
    }

    /// Starts a process in a session of its own, with no open file but its log.
    ///
    /// - Returns: Its identity.
    /// - Throws: ``ActionFailure`` `APP_NOT_STARTED` with the system's reason.
    static func start(_ order: Order) throws -> Identity {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, order.log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Whatever else the agent has open would be held open by the app for as long as it lives. Closing what isn't
        // open is no error (glibc; POSIX allows it).
        for descriptor in Int32(3)..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What the agent ignores or blocks (SIGPIPE, SIGTERM while it drains) is not the app's concern.
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = newSession | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        // env(1) changes the directory and becomes the app: posix_spawn's own way to say so isn't importable.
        let command = [order.executable] + order.arguments
        let arguments =
            ["env", "--chdir=\(order.directory)", "--"] + (order.supervisor?.arguments(for: command) ?? command)
        let variables = order.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var processID: pid_t = 0
        let code = withCStrings(arguments) { arguments in
            withCStrings(variables) { variables in
                posix_spawn(&processID, "/usr/bin/env", &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0, let stat = ProcessStat(of: processID) else {
            throw ActionFailure(
                code: "APP_NOT_STARTED",
                message:
                    "\(order.executable) could not be started in \(order.directory): \(String(cString: strerror(code)))"
            )
        }
        reap(processID)
        return Identity(processID: processID, startTime: stat.startTime)
    }

    /// Ends a process and its whole session: SIGTERM, and SIGKILL to what is left after `graceSeconds`.
    ///
    /// Never throws: it has to do its work even when the attempt was cancelled.
    ///
    /// - Returns: Whether nothing of it runs any more.
    @discardableResult
    static func stop(_ identity: Identity, graceSeconds: Double = 10) async -> Bool {
        guard identity.isAlive else { return true }
        let session = members(ofSession: identity.processID)
        for member in session { kill(member.processID, SIGTERM) }
        if await ended(session, withinSeconds: graceSeconds) { return true }
        for member in session where member.isAlive { kill(member.processID, SIGKILL) }
        return await ended(session, withinSeconds: 5)
    }

    /// Ends whatever was started for a deployment: what an agent left that was killed between starting an app and
    /// writing it down.
    ///
    /// - Parameter kept: leaders of sessions that go on.
    /// - Returns: The processes that were ended.
    @discardableResult
    static func stopStrays(of directory: String, except kept: [Identity] = []) async -> [Int32] {
        let sessions = Set(kept.map(\.processID))
        let strays = marked(directory).filter { stray in
            ProcessStat(of: stray.processID).map { !sessions.contains($0.session) } ?? false
        }
        for stray in strays { kill(stray.processID, SIGTERM) }
        if await !ended(strays, withinSeconds: 5) {
            for stray in strays where stray.isAlive { kill(stray.processID, SIGKILL) }
            _ = await ended(strays, withinSeconds: 5)
        }
        return strays.map(\.processID)
    }

    /// All living processes that were started with a deployment's mark.
    static func marked(_ directory: String) -> [Identity] {
        let mark = Array("\(markVariable)=\(directory)".utf8)
        return ProcessStat.all().filter { stat in
            guard !stat.isDead, let environment = SmallFile.read("/proc/\(stat.processID)/environ", maxBytes: 4 << 20)
            else {
                return false
            }
            return environment.split(separator: 0).contains { $0.elementsEqual(mark) }
        }.map { Identity(processID: $0.processID, startTime: $0.startTime) }
    }

    private static func members(ofSession session: Int32) -> [Identity] {
        ProcessStat.all().filter { $0.session == session && !$0.isDead }
            .map { Identity(processID: $0.processID, startTime: $0.startTime) }
    }

    private static func ended(_ processes: [Identity], withinSeconds seconds: Double) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while processes.contains(where: \.isAlive) {
            guard ContinuousClock.now < deadline else { return false }
            // A task of its own, which no cancellation cuts short.
            await Task { try? await Task.sleep(for: .milliseconds(20)) }.value
        }
        return true
    }

    /// Waits for the app's end as long as this agent lives, so that it leaves no zombie; afterwards that is init's.
    private static func reap(_ processID: pid_t) {
        var thread = pthread_t()
        let argument = UnsafeMutableRawPointer(bitPattern: Int(processID))
        let created = pthread_create(
            &thread, nil,
            { argument in
                var status: Int32 = 0
                while waitpid(pid_t(Int(bitPattern: argument)), &status, 0) == -1, errno == EINTR {}
                return nil
            },
            argument
        )
        if created == 0 { pthread_detach(thread) }
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }
}

/// What `/proc/<pid>/stat` says of a process.
struct ProcessStat: Sendable, Hashable {
    var processID: Int32
    /// `R`, `S`, `Z` and so on.
    var state: String
    var session: Int32
    var startTime: UInt64

    /// Whether it has ended and only waits to be reaped.
    var isDead: Bool { state == "Z" || state == "X" }

    init?(of processID: Int32) {
        guard let bytes = SmallFile.read("/proc/\(processID)/stat", maxBytes: 64 << 10) else { return nil }
        self.init(processID: processID, text: String(decoding: bytes, as: UTF8.self))
    }

    /// Reads the line; the name in its second field may hold spaces and parentheses.
    init?(processID: Int32, text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let session = Int32(fields[3]), let startTime = UInt64(fields[19]) else { return nil }
        self.processID = processID
        self.session = session
        self.startTime = startTime
        state = String(fields[0])
    }

    /// All processes that can be seen.
    static func all() -> [ProcessStat] {
        SmallFile.names(in: "/proc").compactMap { Int32($0) }.compactMap { ProcessStat(of: $0) }
    }
}
