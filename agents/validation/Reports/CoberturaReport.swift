import Foundation
import FoundationXML
import ProjectTools

extension CoverageReport {
    /// Reads coverage in Cobertura's XML, as coverage.py, gcovr and many others write it.
    ///
    /// - Parameters:
    ///   - xml: the report.
    ///   - project: absolute path of the project, which paths in the report are made relative to.
    /// - Throws: ``ParsingError`` for what is not well-formed or has no `coverage` in it.
    init(cobertura xml: [UInt8], project: String) throws(ParsingError) {
        let harmless: [UInt8]
        do throws(XMLText.Refusal) {
            harmless = try XMLText.harmless(xml)
        } catch {
            throw ParsingError(line: 1, message: error.description, format: "Cobertura")
        }
        let reader = CoberturaReader()
        let parser = XMLParser(data: Data(harmless))
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        guard parser.parse(), reader.depth == 0 else {
            throw ParsingError(line: parser.lineNumber, message: "not well-formed, or cut off", format: "Cobertura")
        }
        guard reader.isReport else {
            throw ParsingError(line: 1, message: "there is no element \"coverage\" in it", format: "Cobertura")
        }
        var files: [String: SourceFile] = [:]
        for (name, lines, branches) in reader.classes {
            let path = Self.path(name, sources: reader.sources, project: project)
            var file = files[path] ?? SourceFile(path: path)
            // A line may stand in a class and again in one of its methods: the larger count is that of both.
            file.lines.merge(lines) { max($0, $1) }
            file.branches.merge(branches) { max($0, $1) }
            files[path] = file
        }
        self.init(files: files.values.filter { Self.isProductCode($0.path) }.sorted { $0.path < $1.path })
    }

    /// A file's path in the project: file names are relative to one of the sources.
    private static func path(_ name: String, sources: [String], project: String) -> String {
        if name.hasPrefix("/") { return relative(name, to: project) }
        for source in sources where source.hasPrefix(project + "/") || source == project {
            let folder = source.dropFirst(project.count).drop { $0 == "/" }
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            if FileManager.default.fileExists(atPath: project + "/" + path) { return path }
        }
        return relative(name, to: project)
    }
}

/// Takes the events of the XML parser.
private final class CoberturaReader: NSObject, XMLParserDelegate {
    private static let maxClasses = 20_000

    var isReport = false
    var depth = 0
    var sources: [String] = []
    var classes: [(file: String, lines: [Int: Int], branches: [String: Int])] = []
    private var source: String?

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        depth += 1
        switch element {
        case "coverage": isReport = true
        case "source": source = ""
        case "class":
            guard classes.count < Self.maxClasses else { return parser.abortParsing() }
            classes.append((attributes["filename"] ?? "", [:], [:]))
        case "line":
            guard let number = attributes["number"].flatMap(Int.init), let last = classes.indices.last else { return }
            let hits = min(max(attributes["hits"].flatMap(Int.init) ?? 0, 0), 1_000_000_000)
            classes[last].lines[number] = max(hits, classes[last].lines[number] ?? 0)
            // `50% (1/2)`
            guard attributes["branch"] == "true",
                let counts = attributes["condition-coverage"]?.split(separator: "(").last?.split(separator: ")").first,
                case let pair = counts.split(separator: "/").compactMap({ Int($0) }), pair.count == 2, pair[0] >= 0,
                (1...1000).contains(pair[1])
            else { return }
            for index in 0..<pair[1] {
                classes[last].branches["\(number),0,\(index)"] = index < pair[0] ? 1 : 0
            }
        default: break
        }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { source? += string }

    func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
        depth -= 1
        if element == "source", let text = source {
            sources.append(text.trimmingCharacters(in: .whitespacesAndNewlines))
            source = nil
        }
    }
}
