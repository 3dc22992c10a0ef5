package import LocalStack

extension LocalStack {
    /// Adds the agent whose actions go wrong as they are told: the component `<type>-agent`.
    ///
    /// - Parameters:
    ///   - type: the type it is to have.
    ///   - environment: more variables for it, which win over the others.
    package func addFaultAgent(_ type: String = "fault", environment: [String: String] = [:]) async throws {
        let name = "\(type)-agent"
        var variables = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": configuration.dataDirectory, "BATON_FAULT_TYPE": type,
            "BATON_DATA_DIR": configuration.dataDirectory,
            // Marks it as part of the stack, so that it is swept away if this process is killed.
            "BATON_STACK": configuration.dataDirectory, "BATON_OWNER": "\(ProcessIdentity.current)",
        ]
        variables["BATON_REDIS_URL"] = redisURL.map { configuration.road?(name, $0) ?? $0 }
        variables["BATON_SHARE_DIR"] = configuration.shareDirectory
        variables.merge(environment) { $1 }
        try await add(
            ProcessSpecification(
                name: name,
                command: DaemonCommand(
                    executable: configuration.binDirectory + "/FaultAgent", environment: variables,
                    logFile: "\(configuration.dataDirectory)/logs/\(name).log")))
    }
}
