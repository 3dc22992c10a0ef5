import ProjectTools

extension TestReport {
    /// Adds the places of failed tests as Swift Testing prints them, since its report has none:
    /// `✘ Test "adds" recorded an issue at CalcTests.swift:6:9: Expectation failed: …`
    ///
    /// - Parameters:
    ///   - text: what `swift test` printed.
    ///   - files: the tracked files, among which the one with that name is looked for.
    mutating func addPlaces(swiftTesting text: String, files: TrackedFiles) {
        let mark = " recorded an issue at "
        let lines = text.split(whereSeparator: \.isNewline).filter { $0.firstRange(of: mark) != nil }
        guard !lines.isEmpty else { return }
        for index in tests.indices where tests[index].file == nil {
            guard case .failed = tests[index].outcome else { continue }
            let name = tests[index].name.split(separator: " › ").last.map(String.init) ?? tests[index].name
            let plain = name.split(separator: "(").first.map(String.init) ?? name
            guard let line = lines.first(where: { Self.isAbout(plain, $0) }), let found = line.firstRange(of: mark)
            else { continue }
            let parts = line[found.upperBound...].split(separator: ":", maxSplits: 3)
            guard parts.count >= 2, let number = Int(parts[1]) else { continue }
            tests[index].file = files.paths.first { $0 == parts[0] || $0.hasSuffix("/" + parts[0]) } ?? String(parts[0])
            tests[index].line = number
            if parts.count == 4 { tests[index].outcome = .failed(message: String(parts[3].drop { $0 == " " })) }
        }
    }

    private static func isAbout(_ name: String, _ line: Substring) -> Bool {
        line.firstRange(of: "Test \(name)(") != nil || line.firstRange(of: "Test \"\(name)\"") != nil
            || line.firstRange(of: "/\(name)(") != nil
    }
}
