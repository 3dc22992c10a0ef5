import AgentRuntime
import ProjectTools

/// `complexity` and `duplication`: what the sources are like, in numbers. Neither fails by itself; a policy may say so.
struct SourceChecks {
    static let maxFileBytes = 512 << 10
    /// No more is read, in bytes.
    static let maxTotalBytes = 8 << 20
    /// A function with a larger number is a finding.
    static let complexityThatCounts = 15
    static let maxFindings = 50

    let context: ActionContext
    let files: TrackedFiles

    func run() throws -> [CheckRecord] {
        let workspace = try Workspace(root: context.workspace)
        var sources: [(path: String, text: SourceText)] = []
        var total = 0
        for path in files.paths where total < Self.maxTotalBytes && CoverageReport.isProductCode(path) {
            try Task.checkCancellation()
            guard SourceText(path: path, text: "") != nil,
                let bytes = SmallFile.read(try workspace.resolve(path), maxBytes: Self.maxFileBytes),
                let source = SourceText(path: path, text: String(decoding: bytes, as: UTF8.self))
            else { continue }
            total += bytes.count
            sources.append((path, source))
        }
        return [Self.complexity(sources), Self.duplication(sources)]
    }

    static func complexity(_ sources: [(path: String, text: SourceText)]) -> CheckRecord {
        var record = CheckRecord(
            name: "complexity", status: .passed, isRequired: false, decidingMetric: .maxComplexity)
        let functions = sources.flatMap { source in source.text.functions.map { (source.path, $0) } }
            .sorted { $0.1.complexity > $1.1.complexity }
        guard let worst = functions.first else {
            record.status = .skipped(reason: "there are no functions in a language that is known here", help: nil)
            return record
        }
        record.metrics[.maxComplexity] = Double(worst.1.complexity)
        record.fact = "at most \(worst.1.complexity), \(functions.count) functions"
        record.findings = functions.prefix { $0.1.complexity > complexityThatCounts }.prefix(maxFindings).map {
            Finding(
                file: $0.0, line: $0.1.line, message: "\($0.1.name) has a complexity of \($0.1.complexity)",
                rule: "complexity", severity: .warning)
        }
        return record
    }

    static func duplication(_ sources: [(path: String, text: SourceText)]) -> CheckRecord {
        var record = CheckRecord(
            name: "duplication", status: .passed, isRequired: false, decidingMetric: .duplicatedLines)
        let duplication = Duplication(sources)
        guard duplication.codeLines > 0 else {
            record.status = .skipped(reason: "there is no source in a language that is known here", help: nil)
            return record
        }
        record.metrics[.duplicatedLines] = duplication.percent
        record.fact = "\(Metric.duplicatedLines.shown(duplication.percent)) of \(duplication.codeLines) lines of code"
        record.findings = duplication.blocks.sorted { $0.length > $1.length }.prefix(maxFindings).map {
            Finding(
                file: $0.file, line: $0.line,
                message: "\($0.length) lines of code are those of \($0.otherFile):\($0.otherLine)", rule: "duplication",
                severity: .warning)
        }
        return record
    }
}
