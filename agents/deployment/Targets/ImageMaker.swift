import AgentRuntime
import JSONTools
import ProjectTools

/// Makes the image of a release from the project's Dockerfile, and pushes it where a registry is named.
struct ImageMaker: Sendable {
    let shell: TargetShell
    let options: TargetOptions
    let store: ReleaseStore

    private var directory: DeploymentDirectory { shell.directory }

    /// Finds Docker and asks its daemon.
    func check() async throws -> JSONObject {
        try shell.require(.docker)
        let answer = try await shell.json(.docker, ["version", "--format", "{{json .}}"]).first
        return [
            "docker": answer?["Client"]?["Version"] ?? .null, "docker_engine": answer?["Server"]?["Version"] ?? .null,
        ]
    }

    /// The image's name for a release: its tag is the commit.
    static func name(_ release: String, label: String, registry: String?) -> String {
        var prefix = registry ?? ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        return (prefix.isEmpty ? "" : prefix + "/") + label + ":" + release
    }

    static func buildArguments(image: String, commit: String, deployment: String) -> [String] {
        [
            "build", "--tag", image, "--label", "baton.deployment=\(deployment)", "--label", "baton.commit=\(commit)",
            "--file", "Dockerfile", ".",
        ]
    }

    /// Brings the image into being.
    ///
    /// - Parameter pushes: whether what will run it is somewhere else.
    /// - Returns: Its name.
    /// - Throws: ``ActionFailure`` `NO_DOCKERFILE`, `NO_REGISTRY`, `BUILD_FAILED`, `PUSH_FAILED`, `PULL_FAILED`.
    func make(_ unit: TargetUnit, pushes: Bool) async throws -> String {
        if let image = options.image {
            if !pushes {
                try await shell.checked(
                    .docker, ["pull", image], seconds: TargetShell.longSeconds, logs: true, code: "PULL_FAILED")
            }
            return image
        }
        if pushes, options.registry == nil {
            throw ActionFailure(
                code: "NO_REGISTRY",
                message:
                    "Name options.registry, which the target can pull from, or options.image, which is there already.")
        }
        let release = try await store.checkOut()
        let image = Self.name(unit.release, label: directory.name.label, registry: options.registry)
        let file = try Workspace(root: release.path).resolve("Dockerfile")
        guard SmallFile.read(file, maxBytes: 1 << 20) != nil else {
            throw ActionFailure(code: "NO_DOCKERFILE", message: "The project has no Dockerfile at its root.")
        }
        try await shell.checked(
            .docker, Self.buildArguments(image: image, commit: unit.commit, deployment: directory.name.description),
            in: release.path, seconds: TargetShell.longSeconds, logs: true, code: "BUILD_FAILED")
        if pushes || options.registry != nil { try await push(image) }
        return image
    }

    /// What an image says of itself; nil when it isn't here.
    func inspect(_ image: String) async throws -> ImageFacts? {
        let output = try await shell.run(.docker, ["image", "inspect", image])
        guard output.succeeded else { return nil }
        return JSONDocuments.read(output.standardOutput)?.first.map(ImageFacts.init)
    }

    private func push(_ image: String) async throws {
        if let account = ECRRegistry(image: image) {
            try shell.require(.aws)
            let password = try await shell.checked(
                .aws, ["ecr", "get-login-password", "--region", account.region], code: "PUSH_FAILED")
            try await shell.checked(
                .docker, ["login", "--username", "AWS", "--password-stdin", account.host],
                input: password.standardOutput, code: "PUSH_FAILED")
        }
        try await shell.checked(
            .docker, ["push", image], seconds: TargetShell.longSeconds, logs: true, code: "PUSH_FAILED")
    }
}

/// A registry of Amazon ECR, by its address.
struct ECRRegistry: Sendable, Hashable {
    var host: String
    var region: String

    /// - Parameter image: nil is returned for an image of any other registry.
    init?(image: String) {
        guard let host = image.split(separator: "/").first else { return nil }
        let parts = host.split(separator: ".")
        guard parts.count >= 6, parts[1] == "dkr", parts[2] == "ecr", parts[4] == "amazonaws" else { return nil }
        self.host = String(host)
        region = String(parts[3])
    }
}

/// What `docker image inspect` says of an image.
struct ImageFacts: Sendable, Hashable {
    /// TCP ports that it exposes, in order.
    var ports: [Int]
    /// Folders that it declares as volumes, in order.
    var volumes: [String]

    init(_ json: JSONValue) {
        let exposed = json["Config"]?["ExposedPorts"]?.objectValue?.keys ?? []
        ports = exposed.filter { $0.hasSuffix("/tcp") }.compactMap { Int($0.dropLast(4)) }.sorted()
        volumes = (json["Config"]?["Volumes"]?.objectValue?.keys ?? []).filter { $0.hasPrefix("/") }.sorted()
    }
}
