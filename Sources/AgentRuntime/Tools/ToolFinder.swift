/// Finds the tools that may lie outside `PATH`, once an agent process.
actor ToolFinder {
    private let dataDirectory: String
    private var node: String?
    private var hasLookedForNode = false

    init(dataDirectory: String) { self.dataDirectory = dataDirectory }

    /// Node.js 20 or newer, from `PATH`, then from Baton's Python environment.
    func node(using tools: Toolbox) async -> String? {
        if hasLookedForNode { return node }
        var candidates = [tools.find("node"), dataDirectory + "/venv/bin/node"].compactMap(\.self)
        if let python = tools.environment.variables["BATON_PYTHON"], python.contains("/") {
            candidates.append(FileSystem.parentDirectory(of: python) + "/node")
        }
        for candidate in candidates where FileSystem.isExecutable(candidate) {
            let version = await Self.majorVersion(of: candidate, using: tools)
            if let version, version >= 20 {
                node = candidate
                break
            }
        }
        // Only an answer is kept: what is missing may be installed while the agent runs.
        hasLookedForNode = node != nil
        return node
    }

    /// The directory to put into `PATH` for commands that need node, when node isn't the one of `PATH`.
    func nodeDirectory(ifNeededFor executable: String, using tools: Toolbox) async -> String? {
        let name = FileSystem.lastComponent(of: executable)
        if ["node", "npm", "npx"].contains(name), !executable.contains("/") { _ = await node(using: tools) }
        guard let node, node != tools.find("node") else { return nil }
        return FileSystem.parentDirectory(of: node)
    }

    private static func majorVersion(of node: String, using tools: Toolbox) async -> Int? {
        // By its path, which asks this finder for nothing.
        guard let text = await tools.version(of: node, arguments: ["--version"]) else { return nil }
        return Int(text.drop { !$0.isNumber }.prefix { $0.isNumber })
    }
}
