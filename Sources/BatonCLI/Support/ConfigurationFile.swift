import Foundation
import Glibc
import JSONTools

/// `baton.yaml` in the current directory (or the file that `BATON_CONFIG` names): settings that the environment doesn't
/// have. It is flat, one `name: value` a line, with the names of the environment in lower case and without `BATON_`:
///
///     port: 4000
///     data_dir: /srv/baton   # a comment
struct ConfigurationFile: Sendable, Hashable {
    /// The variable that tells later readers of the environment which settings came from the file.
    static let markVariable = "BATON_FROM_YAML"
    /// The settings that it may hold.
    static let names = [
        "url", "token", "host", "port", "data_dir", "database_url", "redis_url", "namespace", "log_level", "log_format",
        "python", "share_dir", "bin_dir", "agent_slots", "retention_days", "max_waiting",
        "rate_limit",
    ]

    /// Values by the name of their variable, `BATON_PORT`.
    var values: [String: String] = [:]

    /// Reads the file; nothing if there is none.
    ///
    /// - Throws: `.dataError` naming every line that isn't understood, `.notFound` if `BATON_CONFIG` names no file.
    static func load(environment: [String: String]) throws(CommandError) -> ConfigurationFile {
        let given = environment["BATON_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        guard let data = FileManager.default.contents(atPath: given ?? "baton.yaml") else {
            guard let given else { return ConfigurationFile() }
            throw CommandError(.notFound, "cannot read \(given), which BATON_CONFIG names")
        }
        return try ConfigurationFile(text: String(decoding: data, as: UTF8.self), fileName: given ?? "baton.yaml")
    }

    init() {}

    /// Reads the text of the file.
    init(text: String, fileName: String) throws(CommandError) {
        var faults: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let place = "\(fileName):\(index + 1)"
            let isIndented = line.first == " " || line.first == "\t"
            let content = line.trimmingCharacters(in: .whitespaces)
            if content.isEmpty || content.hasPrefix("#") || content == "---" { continue }
            let parts = content.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !isIndented, let value = Self.scalar(parts[1]) else {
                faults.append("\(place): a line of the form name: value is expected")
                continue
            }
            let name = String(parts[0])
            guard Self.names.contains(name) else {
                let nearest = closestMatch(name, in: Self.names).map { "; did you mean \($0)?" } ?? ""
                faults.append("\(place): there is no setting \"\(name)\"\(nearest)")
                continue
            }
            values["BATON_" + name.uppercased()] = value
        }
        guard faults.isEmpty else {
            throw CommandError(.dataError, "\(fileName) can't be used", details: faults, hint: "mend these lines")
        }
    }

    /// Puts the values into the environment of this process, so that everything started from here has them too. What
    /// the environment has already stays.
    func apply(to environment: [String: String]) {
        let new = values.filter { (environment[$0.key] ?? "").isEmpty }
        for (name, value) in new { setenv(name, value, 1) }
        let inherited = (environment[Self.markVariable] ?? "").split(separator: ",").map(String.init)
        let marks = Set(inherited).union(new.keys)
        if !marks.isEmpty { setenv(Self.markVariable, marks.sorted().joined(separator: ","), 1) }
    }

    /// A plain or quoted scalar on one line; nil if it is anything else that YAML knows.
    private static func scalar(_ text: Substring) -> String? {
        guard let first = text.first else { return "" }
        guard first == " " || first == "\t" else { return nil }
        let value = text.trimmingCharacters(in: .whitespaces)
        if let quote = value.first, quote == "\"" || quote == "'" {
            let inside = value.dropFirst()
            guard let end = inside.firstIndex(of: quote), !inside[..<end].contains("\\") else { return nil }
            let rest = inside[inside.index(after: end)...].trimmingCharacters(in: .whitespaces)
            return rest.isEmpty || rest.hasPrefix("#") ? String(inside[..<end]) : nil
        }
        let plain = value.components(separatedBy: " #")[0].trimmingCharacters(in: .whitespaces)
        if plain.hasPrefix("#") { return "" }
        return plain.first.map { "[{&*!|>%@`".contains($0) } == true ? nil : plain
    }
}
