import Foundation

/// The `Dockerfile`, as far as the tests look into it.
struct Dockerfile {
    /// One instruction, its continuation lines joined.
    struct Instruction {
        var name: String
        var arguments: String
    }

    /// From one FROM to the next.
    struct Stage {
        var name: String
        /// An image, or an earlier stage.
        var base: String
        var instructions: [Instruction] = []

        /// The arguments of all instructions of a name.
        func arguments(of name: String) -> [String] { instructions.filter { $0.name == name }.map(\.arguments) }

        /// Sources and destination of each COPY, without its options; `from` is the stage of `--from`.
        var copies: [(from: String?, sources: [String], destination: String)] {
            arguments(of: "COPY").map { line in
                var words = line.split(separator: " ").map(String.init)
                let from = words.first { $0.hasPrefix("--from=") }.map { String($0.dropFirst(7)) }
                words.removeAll { $0.hasPrefix("--") }
                return (from, Array(words.dropLast()), words.last ?? "")
            }
        }

        /// The packages that `apt-get install` gets.
        var packages: [String] {
            arguments(of: "RUN").flatMap { line in
                line.components(separatedBy: "&&").filter { $0.contains("apt-get install") }.flatMap { command in
                    command.split(separator: " ").map(String.init).filter { !$0.hasPrefix("-") }.dropFirst(2)
                }
            }
        }

        /// The names and values of ENV.
        var environment: [String: String] {
            var result: [String: String] = [:]
            for word in arguments(of: "ENV").flatMap({ $0.split(separator: " ") }) {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                if parts.count == 2 { result[parts[0]] = parts[1] }
            }
            return result
        }
    }

    var stages: [Stage] = []

    init(_ text: String) {
        var line = ""
        for raw in text.split(separator: "\n") {
            let content = raw.trimmingCharacters(in: .whitespaces)
            if content.hasPrefix("#") { continue }
            line += content.hasSuffix("\\") ? content.dropLast() + " " : content
            guard !content.hasSuffix("\\") else { continue }
            take(line)
            line = ""
        }
    }

    private mutating func take(_ line: String) {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return }
        if parts[0] == "FROM" {
            let words = parts[1].split(separator: " ").map(String.init)
            stages.append(Stage(name: words.last ?? "", base: words[0]))
        } else if !stages.isEmpty {
            stages[stages.count - 1].instructions.append(Instruction(name: parts[0], arguments: parts[1]))
        }
    }

    /// A stage and those that it is built on, the nearest first; image names end the list.
    func lineage(of name: String) -> [Stage] {
        guard let stage = stages.first(where: { $0.name == name }) else { return [] }
        return [stage] + lineage(of: stage.base)
    }

    /// What is in `/opt/baton/bin` of a stage.
    func executables(in name: String) -> Set<String> {
        Set(
            lineage(of: name).flatMap(\.copies).filter { $0.from == "build" }.flatMap(\.sources).compactMap {
                $0.split(separator: "/").last.map(String.init)
            })
    }

    /// The environment of a stage, with what it inherits.
    func environment(in name: String) -> [String: String] {
        lineage(of: name).reversed().reduce(into: [:]) { $0.merge($1.environment) { $1 } }
    }
}
