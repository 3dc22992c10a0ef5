import AgentRuntime
import JSONTools
import ProjectTools

/// `licences`: whether a project may contain and depend on what it does.
///
/// A project under a permissive licence, or under none, must not hold files of a licence that demands the same of the
/// whole (GPL, AGPL, SSPL), nor depend on packages of one. Files say theirs by `SPDX-License-Identifier:` or by the
/// notice of the GPL; packages by npm's lock file, by the metadata of what is installed for Python, and by the licence files
/// in the checkouts of Swift packages. `.baton/licences-allow` names paths and licences that are fine all
/// the same.
struct LicenceCheck {
    static let allowFile = ".baton/licences-allow"
    static let maxFileBytes = 1 << 20
    /// A notice stands at the beginning.
    static let maxLines = 40
    static let maxFindings = 200

    let context: ActionContext
    let files: TrackedFiles

    /// What the project says of licences, read before anything of it has run.
    struct Rules: Sendable {
        /// Paths and licences that are fine all the same.
        var allowed: [PathPattern]
        /// Path of its own licence.
        var file: String?
        /// Its own licence, as far as its text is known.
        var licence: String?

        /// Whether its parts may be under a licence that demands the same of the whole.
        var isDemanding: Bool { LicenceCheck.demandsTheSame(licence ?? "") }
    }

    func rules() throws -> Rules {
        let workspace = try Workspace(root: context.workspace)
        let allow = String(
            decoding: SmallFile.read(try workspace.resolve(Self.allowFile), maxBytes: Self.maxFileBytes) ?? [],
            as: UTF8.self)
        let own = files.paths.first(where: Self.isLicenceFile)
        let text = try own.flatMap { SmallFile.read(try workspace.resolve($0), maxBytes: Self.maxFileBytes) } ?? []
        return Rules(
            allowed: allow.split(whereSeparator: \.isNewline).map { PathPattern(String($0)) }, file: own,
            licence: Self.name(ofText: String(decoding: text.prefix(4000), as: UTF8.self)))
    }

    /// The files of the project, and the packages that its lock file for npm names.
    func run(_ rules: Rules) throws -> CheckRecord {
        var record = CheckRecord(name: "licences", status: .passed, isRequired: true, decidingMetric: .licenceProblems)
        let workspace = try Workspace(root: context.workspace)
        if !rules.isDemanding {
            for path in files.paths where record.findings.count < Self.maxFindings {
                try Task.checkCancellation()
                guard !Self.isLicenceFile(path), !rules.allowed.contains(where: { $0.matches(path) }),
                    let bytes = SmallFile.read(try workspace.resolve(path), maxBytes: Self.maxFileBytes),
                    !bytes.prefix(8000).contains(0)
                else { continue }
                let found =
                    path.hasSuffix("package-lock.json")
                    ? Self.packages(in: bytes, path) : Self.notice(in: bytes, path).map { [$0] } ?? []
                record.findings += found.filter { finding in
                    !rules.allowed.contains { $0.matches(finding.rule) }
                }
            }
        }
        if rules.file == nil {
            record.findings.append(
                Finding(
                    message: "the project has no LICENSE file, so nobody knows what may be done with it",
                    rule: "no-licence", severity: .warning))
        }
        Self.judge(&record, rules)
        return record
    }

    /// Adds the packages that were installed with the app.
    static func add(_ packages: [InstalledPackage], to record: inout CheckRecord, _ rules: Rules) {
        guard !rules.isDemanding else { return }
        for package in packages where record.findings.count < maxFindings {
            guard let licence = package.licence, demandsTheSame(licence),
                !rules.allowed.contains(where: { $0.matches(licence) || $0.matches(package.name) })
            else { continue }
            record.findings.append(
                Finding(
                    file: package.file, line: package.line,
                    message:
                        "\(package.name) is under \(licence), which demands the same of the whole project; replace it, "
                        + "or put \(package.name) into \(allowFile)",
                    rule: licence))
        }
        judge(&record, rules)
    }

    private static func judge(_ record: inout CheckRecord, _ rules: Rules) {
        let problems = record.findings.count { $0.severity == .error }
        record.metrics[.licenceProblems] = Double(problems)
        record.status = problems > 0 ? .failed : .passed
        record.fact =
            problems > 0
            ? "\(problems) \(problems == 1 ? "problem" : "problems")"
            : rules.isDemanding
                ? "\(rules.licence ?? ""), which its parts may have as well" : rules.licence ?? "no licence of its own"
    }

    static func isLicenceFile(_ path: String) -> Bool {
        guard !path.contains("/") else { return false }
        let name = path.lowercased()
        return ["license", "licence", "copying", "unlicense"].contains { name == $0 || name.hasPrefix($0 + ".") }
    }

    /// The name of a licence by its text; nil when it is not known here.
    static func name(ofText text: String) -> String? {
        let signs = [
            ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL"), ("GNU LESSER GENERAL PUBLIC LICENSE", "LGPL"),
            ("GNU GENERAL PUBLIC LICENSE", "GPL"), ("Server Side Public License", "SSPL"),
            ("Apache License", "Apache-2.0"), ("Mozilla Public License", "MPL-2.0"),
            ("Permission is hereby granted, free of charge", "MIT"),
            ("Redistribution and use in source and binary forms", "BSD"),
            ("Permission to use, copy, modify, and/or distribute", "ISC"),
        ]
        return signs.first { text.firstRange(of: $0.0) != nil }?.1
    }

    /// Whether a licence demands that a whole is under the same licence as its part; of several to choose from, all must.
    static func demandsTheSame(_ expression: String) -> Bool {
        let plain = expression.filter { $0 != "(" && $0 != ")" }
        let choices = split(plain, by: " OR ")
        guard !choices.isEmpty else { return false }
        return choices.allSatisfy { choice in
            split(choice, by: " AND ").contains { part in
                ["GPL", "AGPL", "SSPL"].contains { part == $0 || part.hasPrefix($0 + "-") || part.hasPrefix($0 + " v") }
            }
        }
    }

    private static func split(_ text: String, by separator: String) -> [String] {
        text.split(separator: separator).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// What a file says at its beginning that it is under.
    static func notice(in bytes: [UInt8], _ path: String) -> Finding? {
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(maxLines)
            .enumerated()
        {
            let text = String(decoding: line.prefix(500), as: UTF8.self)
            var licence: String?
            if let sign = text.firstRange(of: "SPDX-License-Identifier:") {
                let rest = text[sign.upperBound...].drop { $0 == " " }
                let end = rest.firstRange(of: "*/")?.lowerBound ?? rest.firstRange(of: "-->")?.lowerBound
                licence = split(String(rest[..<(end ?? rest.endIndex)]), by: "\r").first
            } else if text.firstRange(of: "under the terms of the GNU General Public License") != nil {
                licence = "GPL"
            } else if text.firstRange(of: "under the terms of the GNU Affero General Public License") != nil {
                licence = "AGPL"
            }
            guard let licence else { continue }
            guard demandsTheSame(licence) else { return nil }
            return Finding(
                file: path, line: index + 1,
                message:
                    "is under \(licence), which demands the same of the whole project; replace it, or put its path "
                    + "into \(allowFile)",
                rule: licence)
        }
        return nil
    }

    /// The packages of npm's lock file (version 2 and 3) that are installed with the app.
    static func packages(in bytes: [UInt8], _ path: String) -> [Finding] {
        guard let json = try? JSONValue(parsing: bytes, limits: JSONLimits(depth: 64, maxBytes: maxFileBytes)) else {
            return []
        }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        return (json["packages"]?.objectValue ?? [:]).compactMap { name, package in
            // What only builds or checks the project is no part of it.
            guard !name.isEmpty, package["dev"] != true, let licence = package["license"]?.stringValue,
                demandsTheSame(licence)
            else { return nil }
            let key = Array("\"\(name)\":".utf8)
            let line = lines.firstIndex { line in line.drop { $0 == 0x20 || $0 == 0x09 }.starts(with: key) }
            let short = name.hasPrefix("node_modules/") ? String(name.dropFirst(13)) : name
            return Finding(
                file: path, line: line.map { $0 + 1 },
                message:
                    "\(short) is under \(licence), which demands the same of the whole project; replace it, or put "
                    + "\(licence) into \(allowFile)",
                rule: licence)
        }
    }
}
