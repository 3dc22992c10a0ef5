import Foundation
import Testing

@Suite struct DockerfileTests {
    /// The stages that services are built from.
    static let targets = ["orchestrator", "agent", "e2e"]

    let file: Dockerfile

    init() throws {
        file = Dockerfile(try Checkout.text("Dockerfile"))
    }

    @Test func `everything that is copied exists and is sent to the builder`() throws {
        let kept = try Checkout.text(".dockerignore").split(separator: "\n").filter { $0.hasPrefix("!") }
            .map { String($0.dropFirst()) }
        let copied = file.stages.flatMap(\.copies).filter { $0.from == nil }.flatMap(\.sources)
        #expect(!copied.isEmpty)
        for path in copied {
            #expect(Checkout.exists(path), "COPY \(path)")
            let isSent = kept.contains { path == $0 || path.hasPrefix($0 + "/") }
            #expect(isSent, "\(path) is not in .dockerignore's list of what is kept")
        }
        #expect(
            kept.allSatisfy { path in copied.contains { $0 == path } }, "what is sent is copied")
    }

    @Test func `all products are built, and what is copied out of the build was built`() throws {
        let build = try #require(file.stages.first { $0.name == "build" })
        let loop = build.arguments(of: "RUN").joined(separator: " ")
        let names = try #require(loop.firstMatch(of: /for product in ([a-z0-9 -]+); do/)?.1)
        let built = Set(names.split(separator: " ").map(String.init))
        let products = try Checkout.products()
        #expect(built == products)
        for target in Self.targets {
            let executables = file.executables(in: target)
            #expect(!executables.isEmpty)
            #expect(executables.isSubset(of: built), "\(target): \(executables.subtracting(built))")
        }
        #expect(Self.targets.map(file.executables).reduce(into: Set()) { $0.formUnion($1) } == products)
    }

    @Test func `stages build on each other or on the two known images`() {
        var known: Set<String> = ["swift:6.3-bookworm", "debian:12-slim"]
        for stage in file.stages {
            #expect(known.contains(stage.base), "\(stage.name) is built on \(stage.base)")
            known.insert(stage.name)
        }
        for target in Self.targets + ["gateway"] { #expect(known.contains(target)) }
    }

    @Test func `packages are Debian's`() throws {
        let packages = Set(file.stages.flatMap(\.packages))
        #expect(packages.count > 10)
        let system = try Checkout.text("Package.swift").matches(of: /\.apt\(\["([^"]+)"\]\)/).map { String($0.1) }
        let build = try #require(file.stages.first { $0.name == "build" })
        #expect(Set(build.packages) == Set(system), "what the system libraries of Package.swift ask for")
        // Read as data, not by dpkg-query: the answer is the same for any user and without any index.
        let status = try String(contentsOfFile: "/var/lib/dpkg/status", encoding: .utf8)
        let known = Set(status.matches(of: /(?m)^Package: (\S+)$/).map { String($0.1) })
        for package in packages { #expect(known.contains(package), "\(package) is not a package of this Debian") }
    }

    @Test(arguments: [
        ("agent", "git", "Sources/AgentRuntime/Files/GitWorkspace.swift", "\"git\""),
        ("agent", "curl", "Sources/AgentRuntime/Tools/HTTPProbe.swift", "\"curl\""),
        ("agent", "libhiredis0.14", "Sources/CHiredis/module.modulemap", "link \"hiredis\""),
        ("agent", "libxml2", "Sources/ProjectTools/JUnitReport.swift", "import FoundationXML"),
        ("orchestrator", "libhiredis0.14", "Sources/CHiredis/module.modulemap", "link \"hiredis\""),
        ("orchestrator", "libpq5", "Sources/CLibPQ/module.modulemap", "link \"pq\""),
        ("e2e", "chromium", "agents/e2e/BrowserTools.swift", "\"chromium\""),
    ])
    func `a target has what its programs need`(target: String, package: String, path: String, evidence: String) throws {
        #expect(try Checkout.text(path).contains(evidence), "\(path) needs \(package) no longer")
        #expect(file.lineage(of: target).flatMap(\.packages).contains(package))
    }

    @Test func `Python packages are those that the local stack installs`() throws {
        let pattern = /[a-z-]+==[0-9.]+/
        let own = try Checkout.text("Sources/LocalStack/PythonEnvironment.swift").matches(of: pattern)
        let theirs = file.stages.flatMap { $0.arguments(of: "RUN") }.flatMap { line in
            line.matches(of: pattern).map { String($0.0) }
        }
        #expect(Set(theirs) == Set(own.map { String($0.0) }))
        #expect(theirs.count == 3)
    }

    @Test func `variables are known to the programs, and name places in the image`() throws {
        let known = try Checkout.environmentNames()
        for target in Self.targets {
            let environment = file.environment(in: target)
            for name in environment.keys where name.hasPrefix("BATON_") { #expect(known.contains(name), "\(name)") }
            let destinations = file.lineage(of: target).flatMap(\.copies).map(\.destination)
            #expect(destinations.contains(environment["BATON_SHARE_DIR"] ?? ""))
            let made = file.lineage(of: target).flatMap { $0.arguments(of: "RUN") }.joined()
            #expect(made.contains(" " + (environment["BATON_DATA_DIR"] ?? "?")))
            #expect(environment["PATH"]?.hasPrefix("/opt/baton/bin:") == true)
        }
        #expect(file.environment(in: "orchestrator")["BATON_HOST"] == "0.0.0.0")
    }

    @Test func `nothing runs as root, and each command is a program of its image`() throws {
        for target in Self.targets {
            let stage = try #require(file.stages.first { $0.name == target })
            #expect(stage.arguments(of: "USER").last == "baton")
            let command = try #require(stage.arguments(of: "CMD").last)
            let program = try #require(command.firstMatch(of: /\["([^"]+)"/)?.1)
            #expect(file.executables(in: target).contains(String(program)), "CMD \(program)")
        }
        let gateway = try #require(file.stages.first { $0.name == "gateway" })
        #expect(gateway.arguments(of: "USER").last == "haproxy" && gateway.packages.contains("haproxy"))
    }
}
