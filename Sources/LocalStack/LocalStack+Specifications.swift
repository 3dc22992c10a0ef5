import Foundation
import Glibc

extension LocalStack {
    /// The orchestrator with this index (0…): `orchestrator`, `orchestrator-2`, ….
    func orchestratorSpecification(_ index: Int) throws(StackError) -> ProcessSpecification {
        let name = index == 0 ? "orchestrator" : "orchestrator-\(index + 1)"
        let program = try ownProgram("baton-orchestrator")
        let port = try index == 0 ? mainPort() : choosePort(name, standard: nil)
        if index == 0 { record.url = "http://\(configuration.reachableHost):\(port)" }
        var environment = ownEnvironment(name)
        environment["BATON_HOST"] = configuration.host
        environment["BATON_PORT"] = "\(port)"
        environment.merge(configuration.environment) { $1 }
        try rotateLog(name)
        return ProcessSpecification(
            name: name,
            command: DaemonCommand(
                executable: program, environment: environment,
                workingDirectory: configuration.dataDirectory, logFile: logFile(name)),
            readiness: .http(host: configuration.reachableHost, port: port, path: "/health/ready"),
            port: port
        )
    }

    /// One more agent of a type: `scaffold-agent`, `scaffold-agent-2`, ….
    func agentSpecification(_ type: String) throws(StackError) -> ProcessSpecification {
        let base = "\(type)-agent"
        let program = try ownProgram(base)
        let taken = Set(components)
        var name = base
        var number = 1
        while taken.contains(name) {
            number += 1
            name = "\(base)-\(number)"
        }
        var environment = ownEnvironment(name)
        // The record is the orchestrators' alone.
        for setting in ["BATON_DATABASE_URL", "BATON_DATABASE_PASSWORD", "BATON_DATABASE_PASSWORD_FILE"] {
            environment[setting] = nil
        }
        environment.merge(configuration.environment) { $1 }
        try rotateLog(name)
        return ProcessSpecification(
            name: name,
            command: DaemonCommand(
                executable: program, environment: environment,
                workingDirectory: configuration.dataDirectory, logFile: logFile(name)),
            readiness: .healthFile(directory: configuration.dataDirectory + "/run", agentType: type)
        )
    }

    /// An executable of ours.
    private func ownProgram(_ name: String) throws(StackError) -> String {
        if let path = Programs.find("\(configuration.binDirectory)/\(name)") { return path }
        throw StackError(
            .missingProgram, "\(name) is not in \(configuration.binDirectory)",
            hint: "build it with `swift build`, or set BATON_BIN_DIR to where the executables are")
    }

    /// The environment of an orchestrator or agent: ours, without the settings of another stack, and with its own.
    private func ownEnvironment(_ name: String) -> [String: String] {
        var environment = Programs.callerEnvironment
        // These are about a client of some stack, or about this very process, not about what it starts.
        for stale in [
            "BATON_URL", "BATON_URL_FILE", "BATON_TOKEN", "BATON_TOKEN_FILE", "BATON_PORT", "BATON_HOST",
            OrphanSweep.ownerVariable,
        ] {
            environment[stale] = nil
        }
        environment.merge(marks) { $1 }
        environment["BATON_DATA_DIR"] = configuration.dataDirectory
        // A road that tests put in between is one of TCP.
        let overSocket = configuration.road == nil
        let redisURL = redis?.url(for: name, overSocket: overSocket) ?? record.redisURL
        let databaseURL = overSocket ? postgres?.socketURL ?? record.databaseURL : record.databaseURL
        for (variable, url) in [("BATON_DATABASE_URL", databaseURL), ("BATON_REDIS_URL", redisURL)] {
            environment[variable] = url.map { configuration.road?(name, $0) ?? $0 }
            environment[variable + "_FILE"] = nil
        }
        // The URLs of private servers hold their passwords; the caller's are those of other servers.
        let passwords = [("BATON_REDIS_PASSWORD", redis != nil), ("BATON_DATABASE_PASSWORD", postgres != nil)]
        for (password, isPrivate) in passwords where isPrivate {
            environment[password] = nil
            environment[password + "_FILE"] = nil
        }
        environment["BATON_NAMESPACE"] = configuration.namespace
        environment["BATON_SHARE_DIR"] = configuration.shareDirectory
        environment["BATON_BIN_DIR"] = configuration.binDirectory
        environment["BATON_PYTHON"] = record.python
        environment["BATON_COMPONENT"] = name
        return environment
    }

    /// The environment of a private server: little, so that nobody's locale or PG* settings get in.
    func serverEnvironment() -> [String: String] {
        ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"].merging(marks) { $1 }
    }

    /// What marks a process as part of this stack (see `OrphanSweep`).
    private var marks: [String: String] {
        var marks = [OrphanSweep.stackVariable: configuration.dataDirectory]
        if configuration.isEphemeral { marks[OrphanSweep.ownerVariable] = "\(ProcessIdentity.current)" }
        return marks
    }

    private func mainPort() throws(StackError) -> Int {
        guard let port = configuration.port else { return try choosePort("orchestrator", standard: 3000) }
        guard LoopbackPort.isFree(port, host: configuration.reachableHost) else {
            throw StackError(
                .portBusy, "port \(port) is taken by another program",
                hint: "choose another with BATON_PORT, or leave it unset to get a free one")
        }
        return port
    }

    /// The standard port, that of the last start, or any free one.
    func choosePort(_ name: String, standard: Int?) throws(StackError) -> Int {
        var preferred: [Int] = []
        if configuration.ports == .standard {
            preferred = [standard, formerPorts[name]].compactMap { $0 }
        }
        let taken = Set(processes.compactMap(\.specification.port))
        guard let port = LoopbackPort.choose(preferred: preferred, taken: taken) else {
            throw StackError(.portBusy, "no free port was found for \(name)")
        }
        return port
    }
}
