import Foundation
import Glibc

extension LocalStack {
    /// Starts everything and returns when everything is ready.
    ///
    /// - Throws: what went wrong; then nothing is left running. Cancelling the task stops the start in the same way.
    public func start() async throws(StackError) {
        let directory = configuration.dataDirectory
        for path in ["", "/logs", "/deployments"] { try makeDirectory(directory + path) }
        lock = try StackLock(dataDirectory: directory)
        do {
            try await clearLeftovers()
            record.state = .starting
            record.supervisor = .current
            record.startedAt = StackRecord.timestamp()
            (record.message, record.logTail, record.hint) = (nil, nil, nil)
            saveRecord()
            try await startEverything()
            record.state = .ready
            saveRecord()
        } catch {
            await shutDown()
            record.state = .failed
            (record.message, record.logTail, record.hint) = (error.message, error.logTail, error.hint)
            saveRecord()
            lock = nil
            throw error
        }
    }

    private func startEverything() async throws(StackError) {
        let secrets = try StackSecrets.loadOrCreate(in: configuration.dataDirectory)
        let servers = try await prepareServers(secrets)
        try await allReady(servers, besides: preparePython)
        var others: [ManagedProcess] = []
        for index in 0..<configuration.orchestrators {
            others.append(register(try orchestratorSpecification(index)))
        }
        for type in configuration.agents { others.append(register(try agentSpecification(type))) }
        saveRecord()
        try await allReady(others)
    }

    /// Brings up several components side by side.
    private func allReady(
        _ processes: [ManagedProcess],
        besides: @escaping @Sendable () async throws -> Void = {}
    ) async throws(StackError) {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await besides() }
                for process in processes {
                    group.addTask {
                        try await self.bringUp(process)
                        if process.specification.name == "postgres" { try await self.postgres?.createDatabase() }
                    }
                }
                try await group.waitForAll()
            }
        } catch let error as StackError {
            throw error
        } catch {
            throw StackError(.stopped, "\(error)")
        }
    }

    /// What an earlier supervisor left: recorded processes, unrecorded ones, tools whose agent is dead.
    private func clearLeftovers() async throws(StackError) {
        if let former = StackRecord.load(from: configuration.dataDirectory) {
            await StackRecord.end(former.survivors, within: .seconds(10))
            former.removeSockets()
            formerPorts = Dictionary(
                former.processes.compactMap { entry in entry.port.map { (entry.name, $0) } }, uniquingKeysWith: { $1 })
        }
        var victims = OrphanSweep.killLeftovers(ofStack: configuration.dataDirectory)
        victims += OrphanSweep.killOrphans()
        if !victims.isEmpty { observer(.note("killed \(victims.count) processes whose owner was dead")) }
    }

    private func prepareServers(_ secrets: StackSecrets) async throws(StackError) -> [ManagedProcess] {
        record.databaseURL = configuration.usesPostgres ? configuration.databaseURL : nil
        record.redisURL = configuration.usesRedis ? configuration.redisURL : nil
        let startsRedis = configuration.usesRedis && configuration.redisURL == nil
        let startsPostgres = configuration.usesPostgres && configuration.databaseURL == nil
        guard startsRedis || startsPostgres else { return [] }
        let account = startsPostgres ? try PostgresServer.accountToUse() : nil
        let sockets = try makeSocketDirectories(account: account)
        record.socketDirectory = sockets
        var started: [ManagedProcess] = []
        if startsRedis { started.append(try prepareRedis(secrets, sockets: sockets)) }
        if startsPostgres { started.append(try await preparePostgres(secrets, sockets: sockets, account: account)) }
        saveRecord()
        return started
    }

    private func prepareRedis(_ secrets: StackSecrets, sockets: String) throws(StackError) -> ManagedProcess {
        guard let program = Programs.find("redis-server") else {
            throw missing("redis-server", package: "redis-server")
        }
        let server = RedisServer(
            directory: configuration.dataDirectory + "/redis", socket: sockets + "/redis.sock",
            port: try choosePort("redis", standard: 6380), password: secrets.redisPassword,
            settings: configuration.redisSettings,
            access: RedisAccess(password: secrets.redisPassword, namespace: configuration.namespace),
            rules: try RedisAccess.rules(in: configuration.shareDirectory),
            agentTypes: StackConfiguration.allAgents + configuration.agents)
        redis = server
        record.redisURL = server.url
        try rotateLog("redis")
        return register(
            try server.prepare(program: program, logFile: logFile("redis"), environment: serverEnvironment()))
    }

    private func preparePostgres(
        _ secrets: StackSecrets, sockets: String, account: PostgresServer.Account?
    )
        async throws(StackError) -> ManagedProcess
    {
        guard let programs = Programs.postgresDirectory() else { throw missing("postgres", package: "postgresql") }
        let server = PostgresServer(
            home: try await PostgresServer.home(dataDirectory: configuration.dataDirectory, account: account),
            programs: programs, socketDirectory: sockets + "/pg",
            port: try choosePort("postgres", standard: 5433), password: secrets.postgresPassword,
            settings: configuration.postgresSettings, account: account)
        postgres = server
        record.databaseURL = server.url
        record.postgresData = server.home
        let what = "creating the database cluster"
        observer(.preparing(what))
        let begun = ContinuousClock.now
        if let note = try await server.createCluster(
            instance: secrets.instance, environment: serverEnvironment())
        {
            observer(.note(note))
        }
        observer(.prepared(what, after: .now - begun))
        try rotateLog("postgres")
        return register(server.specification(logFile: logFile("postgres"), environment: serverEnvironment()))
    }

    private func preparePython() async throws(StackError) {
        switch configuration.python {
        case .none: break
        case .given(let path): record.python = path
        case .managed(let directory):
            let environment = PythonEnvironment(directory: directory ?? configuration.dataDirectory + "/venv")
            let what = "Python environment"
            observer(.preparing(what))
            let begun = ContinuousClock.now
            try await environment.prepare()
            observer(.prepared(what, after: .now - begun))
            record.python = environment.python
        }
    }

    /// A short directory for unix sockets, whose paths may have 107 bytes: /tmp/baton-XXXXXX, with `pg` for PostgreSQL.
    private func makeSocketDirectories(account: PostgresServer.Account?) throws(StackError) -> String {
        var template = Array("/tmp/baton-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
            throw .errno("mkdtemp in /tmp", errno)
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try makeDirectory(path + "/pg")
        if let account {
            // PostgreSQL's account must pass through the directory, and owns only its own part of it.
            guard chmod(path, 0o711) == 0, chown(path + "/pg", account.uid, account.gid) == 0 else {
                throw .errno("giving \(path)/pg to \(account.name)", errno)
            }
        }
        return path
    }

    private func missing(_ program: String, package: String) -> StackError {
        StackError(
            .missingProgram, "\(program) is not installed",
            hint: "sudo apt-get install \(package), or set BATON_REDIS_URL and BATON_DATABASE_URL to servers you have")
    }

    /// Keeps one former log once a log has passed 10 MiB, so that logs don't grow without bound over restarts.
    func rotateLog(_ name: String) throws(StackError) {
        let path = logFile(name)
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > 10 << 20 else { return }
        guard rename(path, path + ".1") == 0 else { throw .errno("renaming \(path)", errno) }
    }
}
