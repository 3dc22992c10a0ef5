// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "words-agent",
    platforms: [.macOS(.v15)],
    // The checkout that this example is in; elsewhere, the path or URL of Baton.
    dependencies: [.package(name: "baton", path: "../..")],
    targets: [
        .executableTarget(name: "WordsAgent", dependencies: [.product(name: "AgentRuntime", package: "baton")])
    ],
    swiftLanguageModes: [.v6]
)
