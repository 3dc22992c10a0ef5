import JSONTools

/// What a test run covered, read from LCOV (geninfo(1), section FILES) or Cobertura's XML.
struct CoverageReport: Sendable, Hashable {
    /// The coverage of one source file.
    struct SourceFile: Sendable, Hashable {
        /// Relative to the project.
        var path: String
        /// How often each line was run that can be.
        var lines: [Int: Int] = [:]
        /// How often each branch was taken, by line, block and number.
        var branches: [String: Int] = [:]
        /// How often each function was called.
        var functions: [String: Int] = [:]

        /// Lines with a branch that was never taken although the line was run, in order.
        var partlyCovered: [Int] {
            let missed = branches.filter { $0.value == 0 }.compactMap { key, _ in key.split(separator: ",").first }
            return Set(missed.compactMap { Int($0) }).filter { lines[$0] ?? 1 > 0 }.sorted()
        }

        /// Lines that were never run, in order.
        var uncovered: [Int] { lines.filter { $0.value == 0 }.keys.sorted() }
    }

    /// In order of their paths, without tests and installed packages.
    var files: [SourceFile]

    /// Why a report can't be read.
    struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
        var line: Int
        var message: String
        var format = "LCOV"

        /// The message is cut at 1000 bytes: it may repeat a line of any length.
        var description: String { "\(format), line \(line): \(message.cut(toBytes: 1000))" }
    }

    /// Largest report that is read, in bytes.
    static let maxBytes = 64 << 20
    private static let maxFiles = 20_000
    private static let maxCount = 1_000_000_000
}

extension CoverageReport {
    /// Reads a report. Several records of a file are added up; records that are not known here are passed over, as the
    /// format asks for.
    ///
    /// - Parameters:
    ///   - lcov: the report's text.
    ///   - project: absolute path of the project, which absolute paths in the report are made relative to.
    /// - Throws: ``ParsingError`` for a record that is no number where one has to be, and for a report without records.
    init(lcov: String, project: String) throws(ParsingError) {
        var files: [String: SourceFile] = [:]
        var current: SourceFile?
        var hasRecords = false
        for (index, line) in lcov.split(whereSeparator: \.isNewline).enumerated() {
            guard let colon = line.firstIndex(of: ":") else {
                if line.hasPrefix("end_of_record"), let file = current {
                    files[file.path] = file
                    current = nil
                }
                continue
            }
            let value = line[line.index(after: colon)...]
            if line[..<colon] == "SF" {
                hasRecords = true
                let path = Self.relative(String(value), to: project)
                current = files[path] ?? SourceFile(path: path)
                guard files.count < Self.maxFiles else {
                    throw ParsingError(line: index + 1, message: "more than \(Self.maxFiles) files")
                }
                continue
            }
            guard var file = current else { continue }
            current = nil
            try Self.read(line[..<colon], value, into: &file, line: index + 1)
            current = file
        }
        if let file = current { files[file.path] = file }
        guard hasRecords else { throw ParsingError(line: 1, message: "there is no SF record in it") }
        self.files = files.values.filter { Self.isProductCode($0.path) }.sorted { $0.path < $1.path }
    }

    private static func read(
        _ kind: Substring, _ value: Substring, into file: inout SourceFile, line: Int
    ) throws(ParsingError) {
        func fields(_ count: Int) throws(ParsingError) -> [Substring] {
            let fields = value.split(separator: ",", maxSplits: count - 1, omittingEmptySubsequences: false)
            guard fields.count == count else {
                throw ParsingError(line: line, message: "\(kind): expected \(count) fields, found \(value)")
            }
            return fields
        }
        func number(_ field: Substring) throws(ParsingError) -> Int {
            // A checksum may follow the count of a line.
            let digits = field.prefix { $0 != "," }
            guard let number = Int(digits), number >= 0 else {
                throw ParsingError(line: line, message: "\(kind): expected a count, found \(field)")
            }
            // So that sums can't overflow, whatever a report claims.
            return min(number, maxCount)
        }
        switch kind {
        case "DA":
            let parts = try fields(2)
            file.lines[try number(parts[0]), default: 0] += try number(parts[1])
        case "BRDA":
            let parts = try fields(4)
            let key = parts[0..<3].joined(separator: ",")
            file.branches[key, default: 0] += parts[3] == "-" ? 0 : try number(parts[3])
        case "FNDA":
            let parts = try fields(2)
            file.functions[String(parts[1]), default: 0] += try number(parts[0])
        default:
            break
        }
    }

    static func relative(_ path: String, to project: String) -> String {
        let plain = path.hasPrefix("file://") ? String(path.dropFirst(7)) : path
        if plain.hasPrefix(project + "/") { return String(plain.dropFirst(project.count + 1)) }
        return plain.hasPrefix("./") ? String(plain.dropFirst(2)) : plain
    }

    /// Whether a path is of the project's own code: not of its tests, not of a package, not outside of it.
    static func isProductCode(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        guard !path.hasPrefix("/"), !parts.contains(".."), let name = parts.last else { return false }
        let folders: Set<Substring> = ["node_modules", "test", "tests", "__tests__", "e2e", "spec"]
        guard parts.dropLast().allSatisfy({ !folders.contains($0) }) else { return false }
        return ![".test.", ".spec.", "_test.", "-test."].contains { name.contains($0) } && !name.hasPrefix("test_")
    }

    /// Percent of the lines that were run, 0...100; nil when there are none.
    var lineCoverage: Double? { Self.percent(files.map(\.lines.values).joined()) }

    /// Percent of the branches that were taken, 0...100; nil when there are none.
    var branchCoverage: Double? { Self.percent(files.map(\.branches.values).joined()) }

    /// Percent of the functions that were called, 0...100; nil when there are none.
    var functionCoverage: Double? { Self.percent(files.map(\.functions.values).joined()) }

    private static func percent(_ counts: some Sequence<Int>) -> Double? {
        var total = 0
        var hit = 0
        for count in counts {
            total += 1
            if count > 0 { hit += 1 }
        }
        return total == 0 ? nil : Double(hit) / Double(total) * 100
    }

    /// Numbers as people write them: `3–5, 9`.
    static func ranges(_ numbers: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        let shown = ranges.prefix(8).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
        return shown.joined(separator: ", ") + (ranges.count > 8 ? ", …" : "")
    }
}
