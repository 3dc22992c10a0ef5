import Foundation
import FoundationXML
import ProjectTools

/// The tests of a JUnit XML report, with the places of those that failed.
///
/// `ProjectTools.JUnitReport` counts; a finding also needs file and line, which node:test writes into the stack trace.
struct TestReport: Sendable, Hashable {
    struct Test: Sendable, Hashable {
        enum Outcome: Sendable, Hashable {
            case passed, skipped
            case failed(message: String)
        }

        var name: String
        var outcome: Outcome
        var seconds: Double
        /// Relative to the project; of a failed test.
        var file: String?
        var line: Int?
    }

    var tests: [Test]

    /// - Parameter tests: what another format's reader found.
    init(tests: [Test]) { self.tests = tests }

    /// Why a report can't be read.
    struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
        var description: String
    }

    /// Reads a report.
    ///
    /// - Parameters:
    ///   - xml: the report. Control characters, which XML has not and test output has, are passed over.
    ///   - project: absolute path of the project, which places are looked for in.
    /// - Throws: ``ParsingError`` when it is not well-formed, too large, or no JUnit report.
    init(junit xml: [UInt8], project: String) throws(ParsingError) {
        guard xml.count <= JUnitReport.maxBytes else {
            throw ParsingError(
                description: "the report has \(xml.count) bytes; at most \(JUnitReport.maxBytes) are read")
        }
        let clean = xml.filter { $0 >= 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        let harmless: [UInt8]
        do throws(XMLText.Refusal) {
            harmless = try XMLText.harmless(clean)
        } catch {
            throw ParsingError(description: error.description)
        }
        let reader = TestReportReader(project: project)
        let parser = XMLParser(data: Data(harmless))
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        // The parser takes a document that ends too early for a good one, as a killed runner leaves it.
        guard parser.parse(), reader.depth == 0 else {
            throw ParsingError(description: "not well-formed in line \(parser.lineNumber), or cut off")
        }
        guard reader.isReport else { throw ParsingError(description: "there is no testsuite in it") }
        tests = reader.tests
    }

    var failed: [Test] {
        tests.filter { if case .failed = $0.outcome { true } else { false } }
    }

    func count(_ outcome: Test.Outcome) -> Int { tests.count { $0.outcome == outcome } }

    /// The first place in a stack trace that lies in the project and in none of its packages.
    static func place(in trace: String, project: String) -> (file: String, line: Int)? {
        for line in trace.split(whereSeparator: \.isNewline) {
            guard let start = line.firstRange(of: project + "/") else { continue }
            let rest = line[start.upperBound...]
            guard !rest.hasPrefix("node_modules/"), let colon = rest.firstIndex(of: ":") else { continue }
            let number = rest[rest.index(after: colon)...].prefix { $0.isASCII && $0.isNumber }
            if let number = Int(number) { return (String(rest[..<colon]), number) }
        }
        // pytest writes `tests/test_a.py:7: AssertionError`, relative to the project; the last one is where it broke.
        for line in trace.split(whereSeparator: \.isNewline).reversed() {
            let parts = line.drop { $0 == " " }.split(separator: ":", maxSplits: 2)
            guard parts.count >= 2, let number = Int(parts[1]), number > 0, parts[0].contains("."),
                !parts[0].contains(where: \.isWhitespace), ProjectManifest.isRelativePath(String(parts[0])),
                !parts[0].hasPrefix("node_modules/"), !parts[0].hasPrefix(".venv/"),
                FileManager.default.fileExists(atPath: "\(project)/\(parts[0])")
            else { continue }
            return (String(parts[0]), number)
        }
        return nil
    }
}

/// Takes the events of the XML parser.
private final class TestReportReader: NSObject, XMLParserDelegate {
    private static let maxTextBytes = 16_000

    let project: String
    var tests: [TestReport.Test] = []
    var isReport = false
    /// How many elements are open.
    var depth = 0
    private var suites: [String] = []
    private var test: TestReport.Test?
    private var message: String?
    private var text = ""

    init(project: String) { self.project = project }

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        depth += 1
        switch element {
        case "testsuites":
            isReport = true
        case "testsuite":
            isReport = true
            suites.append(attributes["name"] ?? "")
        case "testcase":
            var path = suites.filter { !$0.isEmpty }
            // "test" is what node:test gives every test for a class.
            if path.isEmpty, let owner = attributes["classname"], !owner.isEmpty, owner != "test" { path = [owner] }
            test = TestReport.Test(
                name: Self.plain((path + [attributes["name"] ?? "unnamed"]).joined(separator: " › ")), outcome: .passed,
                seconds: attributes["time"].flatMap(Double.init) ?? 0,
                file: attributes["file"], line: attributes["line"].flatMap(Int.init))
        case "failure", "error":
            message = attributes["message"] ?? ""
            text = ""
        case "skipped":
            test?.outcome = .skipped
        default:
            break
        }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if message != nil, text.utf8.count < Self.maxTextBytes { text += string }
    }

    func parser(
        _ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?
    ) {
        depth -= 1
        switch element {
        case "testsuite":
            if !suites.isEmpty { suites.removeLast() }
        case "failure", "error":
            finishFailure()
        case "testcase":
            if let test { tests.append(test) }
            test = nil
        default:
            break
        }
    }

    /// node:test 20 escapes quotation marks in attributes twice.
    private static func plain(_ text: String) -> String {
        text.split(separator: "&quot;", omittingEmptySubsequences: false).joined(separator: "\"")
    }

    private func finishFailure() {
        let reason = (message ?? "").isEmpty ? text.trimmingCharacters(in: .whitespacesAndNewlines) : message ?? ""
        let firstLine = Self.plain(reason.split(whereSeparator: \.isNewline).first.map(String.init) ?? "failed")
        test?.outcome = .failed(message: firstLine)
        if let place = TestReport.place(in: text, project: project) {
            test?.file = place.file
            test?.line = place.line
        } else if let name = test?.name, name.hasPrefix(project + "/") {
            // node:test names a file that could not be run at all by its path.
            test?.file = String(name.dropFirst(project.count + 1))
        }
        if let file = test?.file, file.hasPrefix(project + "/") {
            test?.file = String(file.dropFirst(project.count + 1))
        }
        if let name = test?.name, name.hasPrefix(project + "/") {
            test?.name = String(name.dropFirst(project.count + 1))
        }
        message = nil
    }
}
