import Foundation
import JSONTools
import Logging
import PostgresDriver
import RedisDriver

/// What the environment says, checked.
struct ServerConfiguration: Sendable {
    /// How log lines are written.
    enum LogFormat: String, Sendable, CaseIterable {
        case text, json
    }

    var database: PostgresConfiguration
    var redis: RedisConfiguration
    var host: String
    var port: Int
    /// Absolute.
    var dataDirectory: String
    /// Absolute; nil if there is none.
    var shareDirectory: String?
    var namespace: String
    var logLevel: Logger.Level
    var logFormat: LogFormat
    /// For how long ended workflows are kept; 0 means for ever.
    var retentionDays: Int
    /// How many requests may wait to be recorded at a time.
    var maxWaiting: Int
    /// How many requests a token may send a second; 0 for no limit.
    var rateLimit: Int
    /// Takes this process's own passwords out of what it says.
    var redactor: Redactor

    /// Reads the environment.
    ///
    /// - Throws: ``StartFailure`` naming every variable that is wrong: what was found, what was expected.
    init(environment given: [String: String]) throws(StartFailure) {
        var (environment, faults) = SettingFiles.resolve(given)
        var database: PostgresConfiguration?
        var redis: RedisConfiguration?
        if let url = Self.value("BATON_DATABASE_URL", environment) {
            do throws(PostgresError) {
                database = try PostgresConfiguration(
                    url: url, password: Self.value("BATON_DATABASE_PASSWORD", environment))
            } catch {
                faults.append("BATON_DATABASE_URL: \(error.message)")
            }
        } else {
            faults.append(
                "BATON_DATABASE_URL is not set; expected postgresql://user:password@host:port/database "
                    + "(`baton up` starts a private server and sets it)")
        }
        if let url = Self.value("BATON_REDIS_URL", environment) {
            do throws(RedisError) {
                redis = try RedisConfiguration(url: url, password: Self.value("BATON_REDIS_PASSWORD", environment))
            } catch {
                faults.append("BATON_REDIS_URL: \(error.message)")
            }
        } else {
            faults.append(
                "BATON_REDIS_URL is not set; expected redis://user:password@host:port/number "
                    + "(`baton up` starts a private server and sets it)")
        }
        let portText = Self.value("BATON_PORT", environment) ?? "3000"
        let port = Int(portText)
        if port.map({ !(0...65_535).contains($0) }) ?? true {
            faults.append("BATON_PORT is '\(portText)'; expected a number from 0 (any free port) to 65535")
        }
        let levelText = Self.value("BATON_LOG_LEVEL", environment) ?? "info"
        let level = Logger.Level(rawValue: levelText.lowercased())
        if level == nil {
            faults.append(
                "BATON_LOG_LEVEL is '\(levelText)'; expected one of "
                    + Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        let formatText = Self.value("BATON_LOG_FORMAT", environment) ?? "text"
        let format = LogFormat(rawValue: formatText.lowercased())
        if format == nil { faults.append("BATON_LOG_FORMAT is '\(formatText)'; expected text or json") }
        let daysText = Self.value("BATON_RETENTION_DAYS", environment) ?? "90"
        let days = Int(daysText)
        if days.map({ !(0...36_500).contains($0) }) ?? true {
            faults.append("BATON_RETENTION_DAYS is '\(daysText)'; expected a number of days, or 0 to keep all for ever")
        }
        let waitingText = Self.value("BATON_MAX_WAITING", environment) ?? "1000"
        let waiting = Int(waitingText)
        if waiting.map({ !(1...20_000).contains($0) }) ?? true {
            faults.append(
                "BATON_MAX_WAITING is '\(waitingText)'; expected a number of requests from 1 to 20000 that may wait to be "
                    + "recorded")
        }
        let rateText = Self.value("BATON_RATE_LIMIT", environment) ?? "1000"
        let rate = Int(rateText)
        if rate.map({ !(0...1_000_000).contains($0) }) ?? true {
            faults.append(
                "BATON_RATE_LIMIT is '\(rateText)'; expected how many requests a second a token may send, or 0 for any")
        }
        guard faults.isEmpty, let database, let redis, let port, let level, let format, let days, let waiting, let rate
        else {
            throw .configuration(faults.joined(separator: "\n  "))
        }
        let passwords = [
            ("BATON_DATABASE_PASSWORD", database.password), ("BATON_REDIS_PASSWORD", redis.password),
            ("BATON_TOKEN", Self.value("BATON_TOKEN", environment)),
        ]
        redactor = Redactor(passwords.compactMap { name, value in value.map { (name: name, value: $0) } })
        self.database = database
        self.redis = redis
        self.port = port
        host = Self.value("BATON_HOST", environment) ?? "127.0.0.1"
        dataDirectory = Self.absolute(Self.value("BATON_DATA_DIR", environment) ?? ".baton")
        shareDirectory = Self.shareDirectory(environment)
        namespace = Self.value("BATON_NAMESPACE", environment) ?? ""
        logLevel = level
        logFormat = format
        retentionDays = days
        maxWaiting = waiting
        rateLimit = rate
    }

    /// A variable's value; an empty one counts as not set.
    private static func value(_ name: String, _ environment: [String: String]) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// `BATON_SHARE_DIR`, else `share` beside the executable, else in a folder above it (a checkout).
    private static func shareDirectory(_ environment: [String: String]) -> String? {
        if let given = value("BATON_SHARE_DIR", environment) { return absolute(given) }
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var folder = executable.deletingLastPathComponent()
        for _ in 0..<6 {
            let candidate = folder.appendingPathComponent("share").path
            if FileManager.default.fileExists(atPath: candidate + "/definitions") { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        return nil
    }
}
