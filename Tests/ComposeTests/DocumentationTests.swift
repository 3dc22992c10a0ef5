import Foundation
import Testing

/// What the documents say exists.
@Suite struct DocumentationTests {
    /// A document, with what is code in it.
    struct Document: Sendable, CustomTestStringConvertible {
        var path: String
        var text: String

        var testDescription: String { path }

        /// Lines of fenced blocks, and what stands between backquotes elsewhere.
        var code: [String] {
            var found: [String] = []
            var isFenced = false
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("```") {
                    isFenced.toggle()
                } else if isFenced {
                    found.append(String(line))
                } else {
                    found += line.matches(of: /`([^`]+)`/).map { String($0.1) }
                }
            }
            return found
        }

        /// Targets of links, without those to elsewhere.
        var links: [String] {
            text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }.filter { !$0.contains("://") }
        }
    }

    static let documents: [Document] = (["README.md"] + Checkout.files(below: ["docs"], ending: ".md")).map { path in
        Document(path: path, text: (try? Checkout.text(path)) ?? "")
    }

    /// Names of subcommands, of all levels, of a program's sources.
    private static func commands(below folder: String) throws -> Set<String> {
        let texts = try Checkout.files(below: [folder], ending: ".swift").map(Checkout.text)
        return Set(texts.flatMap { $0.matches(of: /commandName: "([a-z-]+)"/).map { String($0.1) } })
    }

    /// The anchor that a heading gets.
    static func anchor(of heading: Substring) -> String {
        let words = heading.drop { $0 == "#" || $0 == " " }.lowercased()
        return String(words.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }).replacing(" ", with: "-")
    }

    @Test func `the documents are there`() {
        let paths = Self.documents.map(\.path)
        for path in ["README.md", "docs/architecture.md", "docs/operations.md", "docs/protocol/README.md"] {
            #expect(paths.contains(path))
        }
        for document in Self.documents { #expect(document.text.count > 500, "\(document.path)") }
    }

    @Test(arguments: documents)
    func `relative links lead somewhere`(document: Document) throws {
        let folder = document.path.split(separator: "/").dropLast().joined(separator: "/")
        for link in document.links {
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let joined = URL(fileURLWithPath: "/" + folder).appendingPathComponent(parts[0]).standardizedFileURL.path
            let target = parts[0].isEmpty ? document.path : String(joined.dropFirst())
            #expect(Checkout.exists(target), "\(link)")
            guard parts.count == 2, target.hasSuffix(".md"), Checkout.exists(target) else { continue }
            let headings = try Checkout.text(target).split(separator: "\n").filter { $0.hasPrefix("#") }
            #expect(headings.map(Self.anchor).contains(parts[1]), "\(link)")
        }
    }

    @Test(arguments: documents)
    func `scripts and files that are named exist`(document: Document) {
        let pattern = /(?:^|[\s(`"'$])((?:scripts|share|Sources|Tests|agents|docs)\/[A-Za-z0-9_.\/+-]*[A-Za-z0-9])/
        for line in document.code {
            for match in line.matches(of: pattern) { #expect(Checkout.exists(String(match.1)), "\(match.1)") }
        }
    }

    @Test(arguments: documents)
    func `commands that are named exist`(document: Document) throws {
        let baton = try Self.commands(below: "Sources/BatonCLI")
        let server = try Self.commands(below: "Sources/OrchestratorMain")
        #expect(baton.isSuperset(of: ["run", "up", "apps", "stop"]) && server.contains("serve"))
        for line in document.code {
            for match in line.matches(of: /(?:^|[\s\/"(])baton ([a-z][a-z-]*)(?: ([a-z]+))?/) {
                let name = String(match.1)
                #expect(baton.contains(name), "baton \(name)")
                if name == "apps", let second = match.2 { #expect(baton.contains(String(second)), "\(match.0)") }
            }
            for match in line.matches(of: /baton-orchestrator ([a-z]+)/) {
                #expect(server.contains(String(match.1)), "\(match.0)")
            }
        }
    }

    @Test(arguments: documents)
    func `programs and variables that are named exist`(document: Document) throws {
        let products = try Checkout.products()
        let variables = try Checkout.environmentNames().union(["BATON_BUILD_CONFIGURATION", "BATON_LONG_OUTAGES"])
            .union(["BATON_SECRET_NAME", "BATON_FUZZ_COUNT", "BATON_FUZZ_SEED", "BATON_FUZZ_SCRATCH"])
        for line in document.code {
            for match in line.matches(of: /\.build\/debug\/([a-z0-9-]+)/) {
                #expect(products.contains(String(match.1)), "\(match.0)")
            }
            for match in line.matches(of: /\bBATON_[A-Z_]*[A-Z]\b/) {
                // BATON_X_FILE names a file with the value of BATON_X, for every BATON_X.
                let name = match.0.hasSuffix("_FILE") ? match.0.dropLast("_FILE".count) : match.0
                #expect(variables.contains(String(name)) || name == "BATON_X", "\(match.0)")
            }
        }
    }

    @Test func `the README tells every program, command and setting`() throws {
        let readme = try #require(Self.documents.first { $0.path == "README.md" })
        let code = readme.code.joined(separator: "\n")
        for product in try Checkout.products() { #expect(code.contains(product), "\(product)") }
        let names = try Checkout.text("Sources/BatonCLI/BatonCommand.swift").matches(of: /([A-Z][a-z]+)Command\.self/)
        #expect(names.count > 15)
        let words = Set(code.split { !$0.isLetter }.map(String.init))
        for name in names.map({ $0.1.lowercased() }) { #expect(words.contains(name), "baton \(name)") }
    }

    @Test func `the architecture tells every target and table`() throws {
        let text = try Checkout.text("docs/architecture.md")
        let package = try Checkout.text("Package.swift")
        for match in package.matches(of: /(?:library|agent)\(\s*"([A-Za-z0-9]+)"/) {
            #expect(text.contains("`\(match.1)`"), "target \(match.1)")
        }
        let schema = try Checkout.text("Sources/WorkflowStorage/Schema/Migration0001.swift")
        let tables = schema.matches(of: /CREATE TABLE ([a-z_]+) \(/).map { String($0.1) }
        #expect(tables.count > 10)
        for table in tables { #expect(text.contains("`\(table)`"), "table \(table)") }
    }
}
