// swift-tools-version:6.2

import PackageDescription

// Warnings are errors where it counts, not on a newcomer's machine with a newer compiler.
let isContinuousIntegration = Context.environment["CI"] == "true"

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (isContinuousIntegration ? [.treatAllWarnings(as: .error)] : [])

extension Target.Dependency {
    static let log = product(name: "Logging", package: "swift-log")
    static let lifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let arguments = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdCore = product(name: "HummingbirdCore", package: "hummingbird")
    static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
    static let httpClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioWebSocket = product(name: "NIOWebSocket", package: "swift-nio")
    static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
    static let nioHTTPTypesHTTP1 = product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
    static let yams = product(name: "Yams", package: "Yams")
    static let mustache = product(name: "Mustache", package: "swift-mustache")
    static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
    static let histogram = product(name: "Histogram", package: "hdrhistogram-swift")
    static let systemPackage = product(name: "SystemPackage", package: "swift-system")
}

/// A library of ours under `Sources/`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// One of the five agents, under `agents/`.
func agent(_ name: String, at folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["AgentRuntime", "AgentProtocol", "ProjectTools", "JSONTools", .log] + dependencies,
        path: "agents/\(folder)", swiftSettings: settings)
}

/// The tests of a target, under `Tests/`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.byName(name: name)] + (name == "JSONTools" ? [] : ["JSONTools"]) + dependencies,
        exclude: exclude, swiftSettings: settings)
}

/// What several test targets share, under `Tests/`.
func testSupport(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "baton",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "baton", targets: ["BatonCLI"]),
        .executable(name: "baton-orchestrator", targets: ["OrchestratorMain"]),
        .executable(name: "scaffold-agent", targets: ["ScaffoldAgent"]),
        .executable(name: "validation-agent", targets: ["ValidationAgent"]),
        .executable(name: "e2e-agent", targets: ["E2EAgent"]),
        .executable(name: "integration-agent", targets: ["IntegrationAgent"]),
        .executable(name: "deployment-agent", targets: ["DeploymentAgent"]),
        // For agents of one's own in Swift: examples/swift-agent.
        .library(name: "AgentRuntime", targets: ["AgentRuntime", "AgentProtocol", "JSONTools"]),
    ],
    dependencies: [
        // Structured logging in every process.
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // One service group an executable: structured lifetime, signals, shutdown in order.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        // Commands and flags of `baton` and `baton-orchestrator`.
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        // HTTP server of the orchestrator.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        // HTTP fields and statuses, where the server's API names them.
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        // HTTP client of the CLI, and of nothing else.
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        // Buffers at the edge of the HTTP server and client.
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        // HTTP's own types on NIO's channels, where a connection may become a WebSocket.
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        // YAML with line marks: definitions, policies, template descriptions.
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        // Templates of the scaffold agent.
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
        // Tools that agents run: process groups, teardown, bounded output. Without its Foundation part.
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
        // Latency histograms of the benchmark.
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        // File descriptors and paths in swift-subprocess's API.
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        // The two C libraries that Debian has: hiredis and libpq.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLibPQ", providers: [.apt(["libpq-dev"])]),

        library("BlockingIO"),
        library("RedisDriver", ["BlockingIO", "CHiredis"]),
        library("PostgresDriver", ["BlockingIO", "CLibPQ"]),
        library("JSONTools"),
        library("AgentProtocol", ["JSONTools"]),
        library("WorkflowCore", ["JSONTools"]),
        library("WorkflowDefinitions", ["WorkflowCore", "JSONTools", .yams]),
        library("WorkflowStorage", ["WorkflowCore", "JSONTools", "PostgresDriver"]),
        library("TaskTransport", ["RedisDriver", "AgentProtocol", "JSONTools"]),
        library(
            "OrchestratorEngine",
            [
                "WorkflowCore", "WorkflowStorage", "PostgresDriver", "TaskTransport", "AgentProtocol", "JSONTools",
                .log,
            ]),
        library(
            "OrchestratorAPI",
            [
                "OrchestratorEngine", "WorkflowCore", "WorkflowDefinitions", "WorkflowStorage", "JSONTools",
                "PostgresDriver", "TaskTransport", .hummingbird, .hummingbirdCore, .httpTypes, .nioCore, .nioHTTP1,
                .nioHTTPTypes, .nioHTTPTypesHTTP1, .nioWebSocket, .lifecycle, .log,
            ]),
        library(
            "AgentRuntime",
            [
                "AgentProtocol", "TaskTransport", "RedisDriver", "BlockingIO", "JSONTools", .log, .lifecycle,
                .unixSignals, .subprocess, .systemPackage,
            ]),
        // What the agents share that deals with projects: the manifest, its commands, test reports.
        library("ProjectTools", ["AgentRuntime", "AgentProtocol", "JSONTools", .yams]),
        // Judges the rows that a run leaves: for simulator, chaos and integration tests.
        library("HistoryChecker", ["JSONTools"]),
        // Whole worlds in one thread, made of the values that decide in the real processes.
        library(
            "Simulation",
            [
                "AgentProtocol", "AgentRuntime", "HistoryChecker", "JSONTools", "OrchestratorEngine", "TaskTransport",
                "WorkflowCore", "WorkflowStorage",
            ]),
        .executableTarget(
            name: "BatonSimulate", dependencies: ["Simulation", .arguments], swiftSettings: settings),
        library("LocalStack", ["JSONTools", .subprocess, .systemPackage]),
        .executableTarget(
            name: "OrchestratorMain",
            dependencies: [
                "OrchestratorAPI", "OrchestratorEngine", "WorkflowStorage", "WorkflowDefinitions", "TaskTransport",
                "AgentProtocol", "RedisDriver", "PostgresDriver", "JSONTools", "WorkflowCore", .log, .lifecycle,
                .unixSignals, .arguments,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "BatonCLI",
            dependencies: ["LocalStack", "JSONTools", .arguments, .httpClient, .nioCore, .nioHTTP1],
            swiftSettings: settings),
        agent("ScaffoldAgent", at: "scaffold", [.yams, .mustache]),
        agent("ValidationAgent", at: "validation", [.yams]),
        agent("E2EAgent", at: "e2e"),
        agent("IntegrationAgent", at: "integration"),
        agent("DeploymentAgent", at: "deployment"),
        .executableTarget(
            name: "BatonBench",
            dependencies: [
                "LocalStack", "AgentProtocol", "BlockingIO", "JSONTools", "PostgresDriver", "RedisDriver", .histogram,
            ],
            path: "Benchmarks/BatonBench", swiftSettings: settings),

        testSupport("JSONTestSupport", ["JSONTools"]),
        // Mutated inputs for parsers: for BatonFuzz, and for tests of what only an agent reads.
        testSupport("FuzzKit", ["JSONTools"]),
        testSupport("RedisTestSupport"),
        testSupport("PostgresTestSupport", ["PostgresDriver"]),
        testSupport("AgentTestSupport", ["AgentRuntime", "AgentProtocol", "JSONTools", .subprocess, .systemPackage]),
        // Roads that can be cut, agents made by hand, measurements: for tests and chaos.
        testSupport(
            "FaultKit",
            [
                "LocalStack", "AgentProtocol", "BlockingIO", "HistoryChecker", "JSONTools", "PostgresDriver",
                "RedisDriver", "WorkflowCore",
            ]),
        // Everything goes wrong under load: scripts/chaos.
        .executableTarget(
            name: "BatonChaos",
            dependencies: [
                "FaultKit", "HistoryChecker", "LocalStack", "AgentProtocol", "JSONTools", "PostgresDriver",
                "RedisDriver", .arguments,
            ],
            path: "Tests/BatonChaos", swiftSettings: settings),
        // An agent whose actions go wrong as they are told.
        .executableTarget(
            name: "FaultAgent", dependencies: ["AgentRuntime", "AgentProtocol", "JSONTools"], path: "Tests/FaultAgent",
            swiftSettings: settings),
        // Feeds the parsers with mutated inputs: scripts/fuzz.
        .executableTarget(
            name: "BatonFuzz",
            dependencies: [
                "FuzzKit", "AgentProtocol", "JSONTools", "OrchestratorAPI", "ProjectTools", "WorkflowCore",
                "WorkflowDefinitions", .arguments,
            ],
            path: "Tests/BatonFuzz", exclude: ["Corpus"], swiftSettings: settings),
        tests("FaultKit", ["BlockingIO"]),
        tests("BlockingIO"),
        tests("JSONTools", ["JSONTestSupport"]),
        tests("AgentProtocol", ["JSONTestSupport"]),
        tests("RedisDriver", ["RedisTestSupport", "BlockingIO"]),
        tests("PostgresDriver", ["PostgresTestSupport", "BlockingIO"]),
        tests("TaskTransport", ["AgentProtocol", "RedisDriver", "RedisTestSupport"]),
        tests("WorkflowCore"),
        tests("WorkflowDefinitions", ["WorkflowCore"]),
        tests("HistoryChecker"),
        tests("Simulation", ["AgentProtocol"]),
        tests("WorkflowStorage", ["LocalStack", "PostgresDriver", "PostgresTestSupport", "WorkflowCore"]),
        tests(
            "OrchestratorEngine",
            ["AgentProtocol", "LocalStack", "PostgresDriver", "TaskTransport", "WorkflowCore", "WorkflowStorage", .log]),
        tests(
            "OrchestratorAPI",
            [
                "OrchestratorEngine", "AgentProtocol", "LocalStack", "PostgresDriver", "TaskTransport", "WorkflowCore",
                "WorkflowDefinitions", "WorkflowStorage", .hummingbird, .hummingbirdCore, .httpTypes, .nioCore,
                .lifecycle, .log,
            ]),
        tests(
            "AgentRuntime", ["AgentProtocol", "TaskTransport", "RedisDriver", "RedisTestSupport", "BlockingIO", .log]),
        tests("ProjectTools", ["AgentRuntime", "AgentProtocol"]),
        tests("LocalStack"),
        tests("BatonCLI", ["LocalStack", "DeploymentAgent"]),
        tests("ScaffoldAgent", ["AgentTestSupport", "AgentRuntime", "AgentProtocol", "FuzzKit", "ProjectTools"]),
        tests("ValidationAgent", ["AgentTestSupport", "AgentRuntime", "AgentProtocol", "FuzzKit", "ProjectTools"]),
        tests("E2EAgent", ["AgentTestSupport", "AgentRuntime", "AgentProtocol", "ProjectTools"]),
        tests("IntegrationAgent", ["AgentTestSupport", "AgentRuntime", "AgentProtocol", "ProjectTools"]),
        tests(
            "DeploymentAgent",
            ["AgentTestSupport", "AgentRuntime", "AgentProtocol", "ProjectTools", .subprocess, .systemPackage],
            // Stand-ins of docker, kubectl and aws.
            exclude: ["Tools"]),
        // Real servers, real processes: needs every executable built.
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "FaultKit", "HistoryChecker", "LocalStack", "AgentProtocol", "JSONTools", "PostgresDriver",
                "RedisDriver",
                "OrchestratorMain", "FaultAgent", "ScaffoldAgent", "ValidationAgent", "E2EAgent", "IntegrationAgent",
                "DeploymentAgent",
            ],
            swiftSettings: settings),
        // Containers and documents, held against the sources.
        .testTarget(name: "ComposeTests", dependencies: ["JSONTools", .yams], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
