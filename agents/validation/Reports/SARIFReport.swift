import JSONTools

/// The findings of a checker in SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format").
enum SARIFReport {
    static let maxBytes = 64 << 20
    static let maxFindings = 2000

    /// Why a report can't be read.
    struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
        var description: String
    }

    /// Reads the results of all runs.
    ///
    /// - Parameters:
    ///   - project: absolute path of the project, which places are made relative to.
    /// - Throws: ``ParsingError`` for what is no JSON or has no `runs`.
    static func findings(in bytes: [UInt8], project: String) throws(ParsingError) -> [Finding] {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(depth: 64, maxBytes: maxBytes))
        } catch {
            throw ParsingError(description: "\(error)".cut(toBytes: 1000))
        }
        guard let runs = json["runs"]?.arrayValue else {
            throw ParsingError(description: "there is no list \"runs\" in it")
        }
        var findings: [Finding] = []
        for result in runs.flatMap({ $0["results"]?.arrayValue ?? [] }) {
            // What a checker says is settled counts for nothing.
            guard result["suppressions"]?.arrayValue?.isEmpty ?? true, result["kind"]?.stringValue ?? "fail" == "fail",
                result["level"]?.stringValue != "none", findings.count < maxFindings
            else { continue }
            let place = result["locations"]?[0]?["physicalLocation"]
            let level = result["level"]?.stringValue ?? "warning"
            findings.append(
                Finding(
                    file: place?["artifactLocation"]?["uri"]?.stringValue.map { relative($0, to: project) },
                    line: place?["region"]?["startLine"]?.intValue,
                    message: result["message"]?["text"]?.stringValue ?? "no message",
                    rule: result["ruleId"]?.stringValue ?? result["rule"]?["id"]?.stringValue ?? "sarif",
                    severity: level == "error" ? .error : .warning))
        }
        return findings
    }

    private static func relative(_ uri: String, to project: String) -> String {
        let path = uri.hasPrefix("file://") ? String(uri.dropFirst(7)) : uri
        if path.hasPrefix(project + "/") { return String(path.dropFirst(project.count + 1)) }
        return path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    }
}

extension ValidationReport {
    /// The whole as SARIF 2.1.0, for tools that show findings beside the code.
    func sarif() -> JSONValue {
        var rules: [String] = []
        var results: [JSONValue] = []
        for check in checks {
            for finding in check.findings {
                let rule = "\(check.name)/\(finding.rule)"
                if !rules.contains(rule) { rules.append(rule) }
                var result: JSONObject = [
                    "ruleId": .string(rule), "level": finding.severity == .error ? "error" : "warning",
                    "message": ["text": .string(finding.message)],
                ]
                if let file = finding.file {
                    var place: JSONObject = ["artifactLocation": ["uri": .string(Self.uri(file))]]
                    if let line = finding.line { place["region"] = ["startLine": .integer(Int64(max(1, line)))] }
                    result["locations"] = [["physicalLocation": .object(place)]]
                }
                results.append(.object(result))
            }
        }
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [
                [
                    "tool": [
                        "driver": [
                            "name": "Baton validation", "rules": .array(rules.map { ["id": .string($0)] }),
                        ]
                    ],
                    "results": .array(results),
                ]
            ],
        ]
    }

    /// A path as the reference that SARIF wants: what is no letter, digit or `-._~/` is written in percent.
    private static func uri(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            if byte.isLetterOrDigit || "-._~/".utf8.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = Array("0123456789ABCDEF")
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
