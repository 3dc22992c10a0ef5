import AgentRuntime
import JSONTools
import ProjectTools

/// Which port belongs to which deployment: each keeps its own for good, so that its address stays the same.
struct PortBook: Sendable {
    let directory: DeploymentDirectory

    /// The deployment's port: the one asked for, else the one it had, else the lowest that is free.
    ///
    /// - Parameters:
    ///   - wanted: what the caller asks for.
    ///   - holder: who asks, for the lock.
    /// - Throws: ``ActionFailure`` `NO_FREE_PORT`, or `PORT_IN_USE` when the wanted one belongs to another deployment.
    func port(wanted: Int?, holder: JSONObject) async throws -> Int {
        let lock = try await FileLock.take(directory.parent + "/.ports.lock", holder: holder, waitSeconds: 10)
        defer { lock.release() }
        let mine = promised(in: directory)
        if wanted == nil, let mine { return mine }
        var promised: [Int: String] = [:]
        for name in SmallFile.names(in: directory.parent) where name != directory.name.description {
            guard let other = try? DeploymentName(name) else { continue }
            let place = DeploymentDirectory(other, parent: directory.parent)
            if let port = self.promised(in: place) { promised[port] = name }
        }
        if let wanted, let owner = promised[wanted] {
            throw ActionFailure(
                code: "PORT_IN_USE",
                message: "Port \(wanted) belongs to the deployment \(owner); choose another one or leave it out.",
                detail: ["port": .integer(Int64(wanted)), "deployment": .string(owner)]
            )
        }
        guard let port = wanted ?? LocalPort.choose(promised: Set(promised.keys)) else {
            throw ActionFailure(
                code: "NO_FREE_PORT",
                message: "No port from \(LocalPort.first) to \(LocalPort.last) is free; stop an app that nobody needs.",
                retryable: true
            )
        }
        try SmallFile.replace(directory.portFile, with: Array("\(port)\n".utf8))
        return port
    }

    /// The port that a deployment has, or was promised before its first release.
    private func promised(in directory: DeploymentDirectory) -> Int? {
        if let record = directory.record() { return record.port }
        guard let bytes = SmallFile.read(directory.portFile, maxBytes: 64) else { return nil }
        let port = Int(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
        return port.flatMap { (1...65_535).contains($0) ? $0 : nil }
    }
}
