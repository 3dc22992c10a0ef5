import JSONTools

/// What an agent's command line asks for.
enum AgentArguments: Sendable, Hashable {
    /// Take tasks from Redis until told to stop.
    case serve
    /// Run one task and print its result.
    case task(file: String)
    /// Tell whether an agent of this type runs and is heard.
    case health
    case help
    case version

    /// A command line that can't be understood.
    struct Fault: Error, Sendable, Hashable {
        let message: String
    }

    /// - Parameter arguments: Without the program's name.
    init(_ arguments: [String]) throws(Fault) {
        let words = ["--task", "health", "--help", "--version"]
        guard let first = arguments.first else {
            self = .serve
            return
        }
        var expected = 1
        switch first {
        case "health": self = .health
        case "--help", "-h", "help": self = .help
        case "--version": self = .version
        case "--task":
            guard arguments.count > 1 else {
                throw Fault(message: "--task needs the name of a file; use - for standard input")
            }
            self = .task(file: arguments[1])
            expected = 2
        case let word where word.hasPrefix("--task="):
            self = .task(file: String(word.dropFirst(7)))
        default:
            let hint = closestMatch(first, in: words).map { "; did you mean \($0)?" } ?? ""
            throw Fault(message: "unknown argument \(first.debugDescription)\(hint)")
        }
        guard arguments.count == expected else {
            throw Fault(message: "unexpected argument \(arguments[expected].debugDescription)")
        }
    }
}
