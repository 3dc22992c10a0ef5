import Foundation
import Testing
import Yams

@Suite struct ComposeFileTests {
    static let agents = ["scaffold", "validation", "e2e", "integration", "deployment"]

    let services: [String: [String: Any]]
    let volumes: Set<String>
    let text: String
    let image: Dockerfile

    init() throws {
        text = try Checkout.text("docker-compose.yml")
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        services = try #require(document["services"] as? [String: [String: Any]])
        volumes = Set(try #require(document["volumes"] as? [String: Any]).keys)
        image = Dockerfile(try Checkout.text("Dockerfile"))
    }

    private func list(_ value: Any?) -> [String] { (value as? [Any] ?? []).map { "\($0)" } }

    private func environment(_ service: String) throws -> [String: String] {
        try #require(services[service]?["environment"] as? [String: String], "\(service) has no environment")
    }

    @Test func `there are two servers, the orchestrator and the five agents`() throws {
        #expect(Set(services.keys) == Set(Self.agents + ["orchestrator", "postgres", "redis"]))
        let products = try Checkout.products().filter { $0.hasSuffix("-agent") }
        #expect(products == Set(Self.agents.map { $0 + "-agent" }))
    }

    @Test func `each service of ours is built from a target that has its command`() throws {
        for name in Self.agents + ["orchestrator"] {
            let service = try #require(services[name])
            let build = try #require(service["build"] as? [String: String], "\(name)")
            #expect(build["context"] == ".")
            let target = try #require(build["target"])
            #expect(image.stages.contains { $0.name == target }, "\(name): \(target)")
            let executables = image.executables(in: target)
            if name != "orchestrator" {
                #expect(list(service["command"]) == [name + "-agent"])
                #expect(executables.contains(name + "-agent"), "\(name)")
                let health = service["healthcheck"] as? [String: Any]
                #expect(list(health?["test"]) == ["CMD", name + "-agent", "health"])
            }
            #expect(executables.contains("baton"), "\(name)")
            #expect(service["init"] as? Bool == true, "children of a killed program are reaped")
        }
        let arguments = try Checkout.text("Sources/AgentRuntime/Program/AgentArguments.swift")
        #expect(arguments.contains("\"health\""))
    }

    @Test func `an image name belongs to one target`() throws {
        var targets: [String: Set<String>] = [:]
        for service in services.values {
            guard let build = service["build"] as? [String: String], let name = service["image"] as? String else {
                continue
            }
            targets[name, default: []].insert(build["target"] ?? "")
        }
        #expect(targets.count == 3)
        for (name, built) in targets { #expect(built.count == 1, "\(name): \(built)") }
    }

    @Test func `variables are known to the programs, and each has its URLs`() throws {
        let known = try Checkout.environmentNames()
        for name in Self.agents + ["orchestrator"] {
            let environment = try environment(name)
            for variable in environment.keys { #expect(known.contains(variable), "\(name): \(variable)") }
            let redis = try #require(environment["BATON_REDIS_URL"])
            #expect(redis.hasSuffix(name == "deployment" ? "@127.0.0.1:6380/0" : "@redis:6379/0"), "\(name)")
        }
        let database = try #require(try environment("orchestrator")["BATON_DATABASE_URL"])
        let postgres = try environment("postgres")
        #expect(database.hasPrefix("postgres://\(postgres["POSTGRES_USER"] ?? "?"):"))
        #expect(database.hasSuffix("@postgres:5432/\(postgres["POSTGRES_DB"] ?? "?")"))
    }

    @Test func `passwords come from the environment and from nowhere else`() throws {
        let example = try Checkout.text(".env.example").matches(of: /(?m)^([A-Z_]+)=(.*)$/)
        let needed = Set(text.matches(of: /\$\{([A-Z_]+):\?/).map { String($0.1) })
        #expect(needed == Set(example.map { String($0.1) }))
        for line in example { #expect(line.2.hasPrefix("replace-"), "\(line.1) is a placeholder") }
        let optional = Set(text.matches(of: /\$\{([A-Z_]+)[-:}][^?]/).map { String($0.1) })
        #expect(optional == ["BATON_MAX_WAITING", "BATON_RETENTION_DAYS"], "no password has a default")
        #expect(try environment("postgres")["POSTGRES_PASSWORD"]?.hasPrefix("${BATON_POSTGRES_PASSWORD:?") == true)
    }

    @Test func `Redis keeps what it is given, and asks for a password`() throws {
        let command = list(services["redis"]?["command"])
        func value(of option: String) -> String? {
            command.firstIndex(of: option).flatMap { command.indices.contains($0 + 1) ? command[$0 + 1] : nil }
        }
        #expect(command.first == "redis-server")
        #expect(value(of: "--maxmemory-policy") == "noeviction")
        #expect(value(of: "--appendonly") == "yes")
        #expect(value(of: "--requirepass")?.hasPrefix("${BATON_REDIS_PASSWORD:?") == true)
    }

    @Test func `volumes are declared, and what names processes is each container's own`() throws {
        let data = try #require(image.environment(in: "agent")["BATON_DATA_DIR"])
        var used: Set<String> = []
        for (name, service) in services {
            let mounts = list(service["volumes"])
            let named = mounts.filter { !$0.hasPrefix("/") }
            used.formUnion(named.compactMap { $0.split(separator: ":").first.map(String.init) })
            if service["build"] != nil { #expect(mounts.contains("data:\(data)"), "\(name)") }
            if Self.agents.contains(name) {
                #expect(mounts.contains(data + "/run") && mounts.contains(data + "/work"), "\(name)")
            }
        }
        #expect(used == volumes)
    }

    @Test func `who depends on a service waits until it is healthy, and it has a health check`() throws {
        for (name, service) in services {
            for (other, condition) in service["depends_on"] as? [String: [String: String]] ?? [:] {
                #expect(condition["condition"] == "service_healthy", "\(name)")
                #expect(services[other]?["healthcheck"] != nil, "\(name) waits for \(other)")
            }
        }
    }

    @Test func `ports are open on loopback only`() throws {
        for (name, service) in services {
            for port in list(service["ports"]) { #expect(port.hasPrefix("127.0.0.1:"), "\(name): \(port)") }
        }
        #expect(list(services["orchestrator"]?["ports"]) == ["127.0.0.1:3000:3000"])
        #expect(list(services["redis"]?["ports"]) == ["127.0.0.1:6380:6379"])
        #expect(services["deployment"]?["network_mode"] as? String == "host")
    }

    @Test func `docker-compose reads the file, where it is installed`() throws {
        let isInstalled = try Checkout.shell("command -v docker-compose").status == 0
        let isPromised = try Checkout.text("scripts/lib.sh").contains(/\bdocker-compose\b/)
        guard isInstalled || isPromised else { return }
        let answer = try Checkout.shell("docker-compose --env-file .env.example config --services")
        #expect(answer.status == 0, "\(answer.output)")
        let names = Set(answer.output.split(separator: "\n").map(String.init))
        #expect(names == Set(services.keys))
        let bare = try Checkout.shell(
            """
            empty=$(mktemp)
            env -u BATON_POSTGRES_PASSWORD -u BATON_REDIS_PASSWORD docker-compose --env-file "$empty" config --quiet
            status=$?
            rm -f "$empty"
            exit $status
            """)
        #expect(bare.status != 0, "without passwords it must refuse")
        #expect(bare.output.contains("copy .env.example to .env"))
    }
}
