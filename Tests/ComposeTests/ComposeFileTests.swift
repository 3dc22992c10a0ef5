import Foundation
import Testing
import Yams

@Suite struct ComposeFileTests {
    static let agents = ["scaffold", "validation", "e2e", "integration", "deployment"]
    static let orchestrators = ["orchestrator", "orchestrator-2"]
    /// What runs programs of ours.
    static let ours = agents + orchestrators

    let services: [String: [String: Any]]
    let volumes: Set<String>
    let secrets: [String: String]
    let text: String
    let image: Dockerfile

    init() throws {
        text = try Checkout.text("docker-compose.yml")
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        services = try #require(document["services"] as? [String: [String: Any]])
        volumes = Set(try #require(document["volumes"] as? [String: Any]).keys)
        secrets = try #require(document["secrets"] as? [String: [String: String]]).compactMapValues { $0["file"] }
        image = Dockerfile(try Checkout.text("Dockerfile"))
    }

    private func list(_ value: Any?) -> [String] { (value as? [Any] ?? []).map { "\($0)" } }

    private func environment(_ service: String) throws -> [String: String] {
        try #require(services[service]?["environment"] as? [String: String], "\(service) has no environment")
    }

    @Test func `two servers, an orchestrator, five agents; a profile adds an orchestrator and a gateway`() throws {
        #expect(Set(services.keys) == Set(Self.ours + ["postgres", "redis", "gateway"]))
        let products = try Checkout.products().filter { $0.hasSuffix("-agent") }
        #expect(products == Set(Self.agents.map { $0 + "-agent" }))
        let optional = services.filter { $0.value["profiles"] != nil }
        #expect(Set(optional.keys) == ["orchestrator-2", "gateway"])
        for service in optional.values { #expect(list(service["profiles"]) == ["ha"]) }
    }

    @Test func `each service of ours is built from a target that has its command`() throws {
        for name in Self.ours {
            let service = try #require(services[name])
            let build = try #require(service["build"] as? [String: String], "\(name)")
            #expect(build["context"] == ".")
            let target = try #require(build["target"])
            #expect(image.stages.contains { $0.name == target }, "\(name): \(target)")
            let executables = image.executables(in: target)
            if Self.agents.contains(name) {
                #expect(list(service["command"]) == [name + "-agent"])
                #expect(executables.contains(name + "-agent"), "\(name)")
                let health = service["healthcheck"] as? [String: Any]
                #expect(list(health?["test"]) == ["CMD", name + "-agent", "health"])
            }
            #expect(executables.contains("baton"), "\(name)")
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
        #expect(targets.count == 4)
        for (name, built) in targets { #expect(built.count == 1, "\(name): \(built)") }
    }

    @Test func `every service is watched, restarted, and limited in memory, processors, processes and logs`() throws {
        for (name, service) in services {
            let health = try #require(service["healthcheck"] as? [String: Any], "\(name) has no health check")
            #expect(!list(health["test"]).isEmpty && health["interval"] != nil && health["timeout"] != nil, "\(name)")
            #expect(service["restart"] as? String == "unless-stopped", "\(name)")
            for limit in ["mem_limit", "cpus", "pids_limit", "logging"] {
                #expect(service[limit] != nil, "\(name) has no \(limit)")
            }
        }
        for name in Self.ours + ["gateway"] {
            let service = try #require(services[name])
            #expect(service["init"] as? Bool == true, "children of a killed program are reaped")
            #expect(service["read_only"] as? Bool == true, "\(name)")
            #expect(list(service["cap_drop"]) == ["ALL"], "\(name)")
            #expect(list(service["security_opt"]) == ["no-new-privileges:true"], "\(name)")
            #expect(list(service["tmpfs"]).first == "/tmp", "\(name)")
        }
    }

    @Test func `variables are known to the programs, and each has its URLs`() throws {
        let known = try Checkout.environmentNames()
        for name in Self.ours {
            let environment = try environment(name)
            for variable in environment.keys {
                // BATON_X_FILE names a file with the value of BATON_X, for every BATON_X.
                let setting = variable.hasSuffix("_FILE") ? String(variable.dropLast("_FILE".count)) : variable
                #expect(known.contains(setting), "\(name): \(variable)")
            }
            let user = Self.agents.contains(name) ? "agent-" + name : "orchestrator"
            let server = name == "deployment" ? "127.0.0.1:6380" : "redis:6379"
            #expect(environment["BATON_REDIS_URL"] == "redis://\(user)@\(server)/0", "\(name)")
        }
        let postgres = try environment("postgres")
        for name in Self.orchestrators {
            let database = try #require(try environment(name)["BATON_DATABASE_URL"])
            #expect(
                database
                    == "postgres://\(postgres["POSTGRES_USER"] ?? "?")@postgres:5432/\(postgres["POSTGRES_DB"] ?? "?")")
        }
    }

    /// Of each service, the secrets that it needs and no others.
    private var needed: [String: Set<String>] {
        var needed: [String: Set<String>] = ["postgres": ["postgres-password"], "gateway": []]
        for name in Self.orchestrators { needed[name] = ["postgres-password", "redis-orchestrator"] }
        for name in Self.agents { needed[name] = ["redis-agent-" + name] }
        needed["redis"] = Set(["redis-default", "redis-orchestrator"] + Self.agents.map { "redis-agent-" + $0 })
        return needed
    }

    @Test func `passwords come from files, each service has its own and no others`() throws {
        for (name, service) in services {
            #expect(Set(list(service["secrets"])) == needed[name], "\(name)")
            for (variable, value) in service["environment"] as? [String: String] ?? [:] {
                let isSecret = variable.contains(/PASSWORD|TOKEN|SECRET/) && variable != "BATON_SECRETS_DIR"
                guard isSecret else {
                    #expect(!value.contains(/:\/\/[^\/]*:[^\/]*@/), "\(name): a password in \(variable)")
                    continue
                }
                #expect(variable.hasSuffix("_FILE"), "\(name): \(variable)")
                #expect(value.hasPrefix("/run/secrets/"), "\(name): \(variable)")
                #expect(needed[name]?.contains(String(value.dropFirst("/run/secrets/".count))) == true, "\(name)")
            }
        }
        #expect(Set(secrets.keys) == needed.values.reduce(into: Set()) { $0.formUnion($1) })
        for (name, file) in secrets { #expect(file == "./secrets/" + name) }
        #expect(try Checkout.text(".gitignore").contains("/secrets/\n"), "secrets must not be committed")
        let sent = try Checkout.text(".dockerignore")
        #expect(!sent.contains("!secrets"), "nor sent to a builder")
        let example = try Checkout.text(".env.example").matches(of: /(?m)^([A-Z_]+)=(.*)$/).map { String($0.1) }
        let optional = text.matches(of: /\$\{([A-Z_]+):-/).map { String($0.1) }
        #expect(Set(example) == Set(optional))
        #expect(!text.contains(/\$\{[A-Z_]+:\?/), "nothing has to stand in .env")
    }

    @Test func `the script makes every secret, keeps what is there, and lets nobody else in`() throws {
        let answer = try Checkout.shell(
            """
            folder=$(mktemp -d)/secrets
            scripts/compose-secrets "$folder" && cat "$folder"/redis-* > "$folder/../first"
            scripts/compose-secrets "$folder" && cat "$folder"/redis-* | cmp - "$folder/../first" && echo kept
            stat -c %a "$folder"
            find "$folder" -type f -printf '%f %m %s\\n' | sort
            find "$folder" -mindepth 1 -type d -printf 'folder %f %m\\n' | sort
            cat "$folder"/redis-* "$folder/postgres-password" | fold -w 48 | sort -u | wc -l
            rm -r "${folder%/secrets}"
            """)
        let lines = answer.output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("made ") }
        var expected = ["kept", "700"] + secrets.keys.sorted().map { "\($0) 444 48" }
        expected += Self.agents.sorted().map { "folder \($0) 755" } + ["\(secrets.count)"]
        #expect(lines == expected, "\(answer.output)")
        for name in Self.agents {
            let mounts = list(services[name]?["volumes"])
            #expect(mounts.contains("./secrets/\(name):/run/baton-secrets:ro"), "\(name)")
            #expect(try environment(name)["BATON_SECRETS_DIR"] == "/run/baton-secrets")
        }
    }

    @Test func `Redis keeps what it is given, and knows the users of the shared rules`() throws {
        let command = list(services["redis"]?["command"])
        #expect(command.prefix(2) == ["sh", "-c"])
        let script = try #require(command.last)
        for option in ["--maxmemory-policy noeviction", "--appendonly yes", "--aclfile /run/baton/users.acl"] {
            #expect(script.contains(option), "\(option)")
        }
        #expect(script.hasPrefix("sh /opt/baton/redis/users /run/secrets > /run/baton/users.acl && exec "))
        let mounts = list(services["redis"]?["volumes"])
        #expect(mounts.contains("./share/redis:/opt/baton/redis:ro"))
        #expect(list(services["redis"]?["tmpfs"]) == ["/run/baton"])
        let rules = try Checkout.text("share/redis/users.acl")
        for user in ["default", "orchestrator", "agent-@TYPE@"] {
            #expect(rules.matches(of: try Regex("(?m)^user \(user) on @HASH@ ")).count == 1, "\(user)")
        }
    }

    @Test func `rules become users with hashed passwords; what is wrong is refused`() throws {
        let answer = try Checkout.shell(
            """
            folder=$(mktemp -d)
            printf 'one\\n' > "$folder/redis-default"; printf two > "$folder/redis-orchestrator"
            printf three > "$folder/redis-agent-words"
            share/redis/users "$folder" shop
            echo "status $?"
            share/redis/users "$folder" 'a|b'; echo "status $?"
            touch "$folder/redis-agent-Bad"; share/redis/users "$folder" >/dev/null; echo "status $?"
            rm "$folder/redis-agent-Bad" "$folder/redis-default"; share/redis/users "$folder" >/dev/null; echo "status $?"
            rm -r "$folder"
            """)
        let lines = answer.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 10, "\(answer.output)")
        // As `printf three | sha256sum` says it.
        #expect(lines[0].hasPrefix("user agent-words on #8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d"))
        #expect(lines[0].contains(" ~shop:agent:words:tasks ") && lines[0].contains("&shop:agent:words:control "))
        #expect(lines[1].hasPrefix("user default on #7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"))
        #expect(lines[2].contains(" ~shop:inlet:* "))
        #expect(!answer.output.contains(/@(PREFIX|HASH|TYPE)@/))
        #expect(lines[3] == "status 0")
        #expect(lines[4].contains("a namespace has") && lines[5] == "status 65")
        #expect(lines[6].contains("names no type") && lines[7] == "status 65")
        #expect(lines[8].contains("redis-default is missing") && lines[9] == "status 65")
    }

    @Test func `volumes are declared, and what names processes is each container's own`() throws {
        let data = try #require(image.environment(in: "agent")["BATON_DATA_DIR"])
        var used: Set<String> = []
        for (name, service) in services {
            let mounts = list(service["volumes"])
            let named = mounts.filter { !$0.hasPrefix("/") && !$0.hasPrefix("./") }
            used.formUnion(named.compactMap { $0.split(separator: ":").first.map(String.init) })
            for mount in mounts where mount.hasPrefix("./") {
                #expect(mount.hasSuffix(":ro"), "\(name): \(mount)")
                let path = String(mount.dropFirst(2).prefix { $0 != ":" })
                #expect(path.hasPrefix("secrets/") || Checkout.exists(path), "\(name): \(mount)")
            }
            if Self.ours.contains(name) { #expect(mounts.contains("data:\(data)"), "\(name)") }
            if Self.agents.contains(name) {
                #expect(mounts.contains(data + "/run") && mounts.contains(data + "/work"), "\(name)")
            }
        }
        #expect(used == volumes)
    }

    @Test func `who depends on a service waits until it is healthy`() throws {
        for (name, service) in services {
            for (other, condition) in service["depends_on"] as? [String: [String: String]] ?? [:] {
                #expect(condition["condition"] == "service_healthy", "\(name)")
                #expect(services[other]?["healthcheck"] != nil, "\(name) waits for \(other)")
            }
        }
        for name in Self.ours { #expect(services[name]?["depends_on"] != nil, "\(name)") }
    }

    @Test func `ports are open on loopback only`() throws {
        for (name, service) in services {
            for port in list(service["ports"]) { #expect(port.hasPrefix("127.0.0.1:"), "\(name): \(port)") }
        }
        #expect(list(services["orchestrator"]?["ports"]) == ["127.0.0.1:3000:3000"])
        #expect(list(services["gateway"]?["ports"]) == ["127.0.0.1:3080:3080"])
        #expect(list(services["redis"]?["ports"]) == ["127.0.0.1:6380:6379"])
        #expect(services["deployment"]?["network_mode"] as? String == "host")
    }

    @Test func `the gateway asks both orchestrators, by their names and their readiness`() throws {
        let settings = try Checkout.text("share/compose/haproxy.cfg")
        let servers = settings.matches(of: /(?m)^    server \w+ ([a-z0-9-]+):3000$/).map { String($0.1) }
        #expect(servers == Self.orchestrators)
        #expect(settings.contains("uri /health/ready"))
        #expect(settings.contains("bind :3080") && settings.contains("monitor-uri /gateway/health"))
        let stage = try #require(image.stages.first { $0.name == "gateway" })
        #expect(stage.copies.map(\.sources) == [["share/compose/haproxy.cfg"]])
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
            docker-compose --env-file "$empty" config --quiet
            status=$?
            rm -f "$empty"
            exit $status
            """)
        #expect(bare.status == 0, "nothing has to be set: \(bare.output)")
    }
}
