// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "__NAME__-agent",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Baton: a checkout, or its URL.
        __BATON__
    ],
    targets: [
        .executableTarget(
            name: "__MODULE__", dependencies: [.product(name: "AgentRuntime", package: "__BATON_PACKAGE__")]),
        .testTarget(
            name: "__MODULE__Tests",
            dependencies: ["__MODULE__", .product(name: "AgentRuntime", package: "__BATON_PACKAGE__")]),
    ],
    swiftLanguageModes: [.v6]
)
