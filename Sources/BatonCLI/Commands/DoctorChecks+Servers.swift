import Foundation
import JSONTools
import LocalStack

/// What `baton doctor` asks servers that run, and what is in the way of those that don't.
extension DoctorChecks {
    /// Clocks that differ by more are worth a word.
    private static let clockSeconds = 5.0

    /// The API that the command line would talk to, the token for it, and its clock.
    func api() async -> [DoctorCheck] {
        guard let connection = try? Connection.resolve(options) else { return [port()] }
        let url = connection.url
        guard let answer = await PlainHTTP.ask("GET", url + "/health") else {
            return [
                DoctorCheck(
                    name: "api", verdict: .warning, found: "no answer from \(url)",
                    next: isSet("BATON_URL") && connection.record?.url != nil
                        ? "BATON_URL is set and another than the stack's: unset BATON_URL"
                        : "`\(CommandName.current) status`; BATON_URL names the API")
            ]
        }
        let health = try? JSONValue(parsing: Array(answer.text.utf8))
        guard let checks = health?["checks"]?.objectValue else {
            return [
                DoctorCheck(
                    name: "api", verdict: .warning,
                    found: "\(url) answers with status \(answer.status), but is no Baton",
                    next: "BATON_URL must name Baton's API; `unset BATON_URL` takes the running stack's")
            ]
        }
        let down = checks.filter { $0.value.stringValue == "down" }.map { $0.key }.sorted()
        var found = [
            down.isEmpty
                ? DoctorCheck(name: "api", verdict: .good, found: url)
                : DoctorCheck(
                    name: "api", verdict: .warning, found: "\(url) can't reach \(down.joined(separator: " and "))",
                    next: "`\(CommandName.current) status`, and the logs of the orchestrator")
        ]
        do {
            let overview = try await APIClient(connection).get("/stats/overview")
            found.append(DoctorCheck(name: "token", verdict: .good, found: "accepted"))
            if let time = overview["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:)) { found.append(clock(time)) }
        } catch  where error.status == .noPermission {
            found.append(
                DoctorCheck(
                    name: "token", verdict: .warning, found: "\(url) does not accept it: \(error.message)",
                    next: isSet("BATON_TOKEN")
                        ? "BATON_TOKEN is of another stack: unset it" : "BATON_TOKEN, or the right --data-dir"))
        } catch {
            found.append(DoctorCheck(name: "token", verdict: .warning, found: error.message, next: error.hint))
        }
        return found
    }

    private func clock(_ database: Timestamp) -> DoctorCheck {
        let seconds = Double(Timestamp.now().milliseconds - database.milliseconds) / 1000
        guard abs(seconds) > Self.clockSeconds else {
            return DoctorCheck(name: "clock", verdict: .good, found: "agrees with the database's")
        }
        let text = Formatting.duration(milliseconds: Int64(abs(seconds) * 1000))
        return DoctorCheck(
            name: "clock", verdict: .warning,
            found: "\(text) \(seconds > 0 ? "ahead of" : "behind") the database's",
            next: "times in lists will look wrong (deadlines are the database's): set the clock, as with chrony")
    }

    /// Whether the port of the orchestrator is free while no stack runs.
    private func port() -> DoctorCheck {
        let text = ProcessInfo.processInfo.environment["BATON_PORT"] ?? ""
        let port = Int(text.isEmpty ? "3000" : text) ?? 0
        guard (1...65_535).contains(port) else {
            return DoctorCheck(
                name: "port", verdict: .missing, found: "BATON_PORT is \"\(text)\"", next: "a number from 1 to 65535")
        }
        if LoopbackPort.isFree(port) { return DoctorCheck(name: "port", verdict: .good, found: "\(port) is free") }
        return text.isEmpty
            ? DoctorCheck(name: "port", verdict: .good, found: "\(port) is taken; `up` chooses another one")
            : DoctorCheck(
                name: "port", verdict: .missing, found: "\(port) is taken by another program",
                next: "stop that, or set BATON_PORT to another one; `ss -ltnp 'sport = :\(port)'` tells which")
    }

    /// How the Redis in use is set up: nothing may be evicted, and Redis Cluster is not supported.
    func redisSettings() async -> [DoctorCheck] {
        let given = ProcessInfo.processInfo.environment["BATON_REDIS_URL"] ?? ""
        let record = StackRecord.load(from: options.dataDirectoryPath).flatMap { $0.isSupervised ? $0 : nil }
        guard let url = given.isEmpty ? record?.redisURL : given, let program = Programs.find("redis-cli") else {
            return []
        }
        func ask(_ words: [String]) async -> String? {
            let outcome = try? await ShortCommand(
                program, ["-u", url, "--no-auth-warning"] + words, timeout: .seconds(5)
            ).run()
            return outcome.flatMap { $0.status == 0 ? $0.output : nil }
        }
        guard let information = await ask(["INFO"]), information.contains("redis_version") else {
            return [
                DoctorCheck(
                    name: "redis", verdict: .warning, found: "does not answer, or not to this user",
                    next: given.isEmpty
                        ? "`\(CommandName.current) status`"
                        : "`redis-cli -u \"$BATON_REDIS_URL\" ping` says why; `unset BATON_REDIS_URL` lets `up` start one"
                )
            ]
        }
        func field(_ name: String) -> String? {
            information.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
                .map { String($0.dropFirst(name.count + 1)) }
        }
        if field("cluster_enabled") == "1" {
            return [
                DoctorCheck(
                    name: "redis", verdict: .missing, found: "is a Redis Cluster, which is not supported",
                    next:
                        "`unset BATON_REDIS_URL` lets `up` start one; or name a single Redis, with replicas if you like"
                )
            ]
        }
        if let policy = field("maxmemory_policy"), policy != "noeviction" {
            return [
                DoctorCheck(
                    name: "redis", verdict: .missing, found: "throws away entries when memory is short (\(policy))",
                    next: "`\(given.isEmpty ? "eval \"$(\(CommandName.current) env)\"; " : "")"
                        + "redis-cli -u \"$BATON_REDIS_URL\" config set maxmemory-policy noeviction`, "
                        + "and the same in its redis.conf")
            ]
        }
        return [DoctorCheck(name: "redis", verdict: .good, found: "\(field("redis_version") ?? "?"), noeviction")]
    }

    /// Whether the database has the schema of these executables.
    func schema() async -> [DoctorCheck] {
        var environment = ProcessInfo.processInfo.environment
        let record = StackRecord.load(from: options.dataDirectoryPath).flatMap { $0.isSupervised ? $0 : nil }
        guard let url = isSet("BATON_DATABASE_URL") ? environment["BATON_DATABASE_URL"] : record?.databaseURL else {
            return []
        }
        environment["BATON_DATABASE_URL"] = url
        // The program checks all its settings, but a migration doesn't touch Redis.
        if !isSet("BATON_REDIS_URL") { environment["BATON_REDIS_URL"] = "redis://127.0.0.1:6379" }
        environment["BATON_DATA_DIR"] = options.dataDirectoryPath
        let program = Programs.binDirectory() + "/baton-orchestrator"
        guard
            let outcome = try? await ShortCommand(
                program, ["migrate", "--check"], environment: environment, timeout: .seconds(15)
            ).run()
        else { return [] }
        let said = (outcome.output + outcome.errors).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        // Whatever the program says about its settings, no password is shown.
        let password = URLComponents(string: url)?.password ?? ""
        let words = password.isEmpty ? said : said.replacing(password, with: "…")
        return [
            outcome.status == 0
                ? DoctorCheck(name: "schema", verdict: .good, found: words)
                : DoctorCheck(
                    name: "schema", verdict: .warning, found: words,
                    next: outcome.status == ExitStatus.temporary.rawValue
                        ? "`\(CommandName.current) migrate`; a starting orchestrator does it by itself" : nil)
        ]
    }
}
