import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton agents new`.
struct AgentsNewCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Begin an agent of your own: a folder with the agent, a workflow type and a test."
    )

    @Argument(help: "The agent's type, which definitions name: a-z, 0-9, '_' and '-', a letter first.")
    var name: String

    @Option(name: .long, help: "The language: python or swift.")
    var lang = "python"

    @Option(name: .long, help: ArgumentHelp("Where the folder is made; here by default.", valueName: "directory"))
    var into = "."

    @Option(
        name: .long,
        help: ArgumentHelp(
            "For swift: a checkout of Baton, or the URL of its repository; the one that this program is from by default.",
            valueName: "path or url"))
    var baton: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        guard name.wholeMatch(of: /[a-z][a-z0-9_-]{0,63}/) != nil else {
            throw CommandError(
                .usage, "\"\(name)\" can't be an agent type: a-z, 0-9, '_' and '-', a letter first",
                hint: "`\(CommandName.current) agents new my-agent`")
        }
        guard let share = Programs.shareDirectory(binDirectory: Programs.binDirectory()) else {
            throw CommandError(
                .unavailable, "the templates are not found",
                hint: "set BATON_SHARE_DIR to the share directory of a checkout")
        }
        let languages = (try? FileManager.default.contentsOfDirectory(atPath: share + "/agents").sorted()) ?? []
        guard languages.contains(lang) else {
            throw CommandError(
                .usage, "there is no template for \(lang); there is \(languages.joined(separator: ", "))",
                hint: "`\(CommandName.current) agents new \(name) --lang \(languages.first ?? "python")`")
        }
        var template = AgentTemplate(name: name, directory: "\(share)/agents/\(lang)")
        if lang == "swift" {
            if let baton { try template.depend(on: baton) } else { try template.depend(on: Self.checkout(of: share)) }
        }
        let folder = URL(fileURLWithPath: into).appendingPathComponent(name).path
        guard !FileManager.default.fileExists(atPath: folder) else {
            throw CommandError(
                .dataError, "\(folder) is there already",
                hint: "choose another name, or another place with --into DIRECTORY")
        }
        do {
            try template.write(to: folder)
        } catch {
            throw CommandError(
                .dataError, "\(folder) can't be written: \(error.localizedDescription)",
                hint: "another place with --into DIRECTORY")
        }
        if options.json {
            let document: JSONObject = [
                "folder": .string(folder), "type": .string(name), "language": .string(lang),
            ]
            Output.line(JSONValue.object(document).prettyPrinted())
        } else {
            Output.line("\(folder) has an agent of type \(name), a workflow type of the same name, and a test.")
            Output.line("next: \(folder)/README.md says how to test and run it")
        }
        return .ok
    }

    /// The checkout that the shared files are in.
    private static func checkout(of share: String) throws(CommandError) -> String {
        let path = URL(fileURLWithPath: share).deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: path + "/Package.swift") else {
            throw CommandError(
                .usage, "\(share) is not in a checkout of Baton, which an agent in Swift is built with",
                hint: "say where one is: --baton PATH or --baton URL")
        }
        return path
    }
}

/// The files that an agent of one's own begins with.
struct AgentTemplate {
    private let name: String
    private let directory: String
    /// What stands for what, in texts and in names of files.
    private var words: [(String, String)]

    /// - Parameters:
    ///   - name: the agent's type.
    ///   - directory: holds the template.
    init(name: String, directory: String) {
        self.name = name
        self.directory = directory
        words = [("__NAME__", name), ("__MODULE__", Self.module(name))]
    }

    /// The Swift module of an agent: `my-words` is in `MyWordsAgent`.
    static func module(_ name: String) -> String {
        let parts = name.split(whereSeparator: { $0 == "-" || $0 == "_" })
        return parts.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Agent"
    }

    /// Names the Baton that the agent is built with.
    ///
    /// - Parameter place: a path, or the URL of a git repository.
    /// - Throws: `.notFound` if the path holds no Swift package.
    mutating func depend(on place: String) throws(CommandError) {
        // Text of a Swift literal: nothing in it ends the literal or begins an interpolation.
        guard place.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) else {
            throw CommandError(
                .usage, "--baton takes no quotes and no backslashes", hint: "a path or a URL without them")
        }
        guard place.contains("://") || place.hasPrefix("git@") else {
            let path = URL(fileURLWithPath: place).standardized.path
            guard FileManager.default.fileExists(atPath: path + "/Package.swift") else {
                throw CommandError(
                    .notFound, "\(path) has no Package.swift", hint: "--baton takes a checkout of Baton, or its URL")
            }
            words += [("__BATON_PACKAGE__", "baton"), ("__BATON__", ".package(name: \"baton\", path: \"\(path)\")")]
            return
        }
        // What SwiftPM calls a package that comes from a URL: its last part.
        let last = place.split(whereSeparator: { $0 == "/" || $0 == ":" }).last.map(String.init) ?? "baton"
        let identity = last.hasSuffix(".git") ? String(last.dropLast(4)) : last
        words += [
            ("__BATON_PACKAGE__", identity), ("__BATON__", ".package(url: \"\(place)\", branch: \"main\")"),
        ]
    }

    /// Writes the files into a folder that is made.
    func write(to folder: String) throws {
        let manager = FileManager.default
        let files = try manager.subpathsOfDirectory(atPath: directory).sorted()
        for file in files {
            var isDirectory: ObjCBool = false
            _ = manager.fileExists(atPath: "\(directory)/\(file)", isDirectory: &isDirectory)
            // What running the template in its place leaves behind is none of it.
            if isDirectory.boolValue || file.contains("__pycache__") || file.hasPrefix(".") { continue }
            let target = URL(fileURLWithPath: "\(folder)/\(filled(file))")
            try manager.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            let text = try String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)
            try Data(filled(text).utf8).write(to: target)
        }
    }

    private func filled(_ text: String) -> String {
        words.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}
