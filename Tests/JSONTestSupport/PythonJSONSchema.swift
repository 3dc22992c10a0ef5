import Glibc
public import JSONTools

/// The reference implementation that our subset is held against: PyPI's `jsonschema`.
public enum PythonJSONSchema {
    /// The reference could not be asked; says what to install.
    public struct Unavailable: Error, CustomStringConvertible {
        /// What is missing.
        public var description: String
    }

    /// Whether each instance is valid under its schema, as `jsonschema` (draft 2020-12, formats not asserted) sees it.
    ///
    /// The interpreter is `BATON_PYTHON`, else `python3`; it must be able to import `jsonschema`.
    /// - Parameter groups: schemas, each with the instances to try.
    /// - Returns: for each group, a verdict for each instance.
    public static func verdicts(_ groups: [(schema: JSONValue, instances: [JSONValue])]) throws -> [[Bool]] {
        let script = """
            import json, sys
            from jsonschema import Draft202012Validator
            for line in open(sys.argv[1]):
                schema, instances = json.loads(line)
                Draft202012Validator.check_schema(schema)
                validator = Draft202012Validator(schema)
                print("".join("1" if validator.is_valid(instance) else "0" for instance in instances))
            """
        var lines: [UInt8] = []
        for (schema, instances) in groups {
            lines += JSONValue.array([schema, .array(instances)]).encoded() + [UInt8(ascii: "\n")]
        }
        let output = try run(script: script, input: lines)
        let verdicts = output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            line.map { $0 == "1" }
        }
        guard verdicts.map(\.count) == groups.map(\.instances.count) else {
            throw Unavailable(description: "got another number of verdicts than was asked for: \(output)")
        }
        return verdicts
    }

    /// Whether each instance is valid under one schema; see ``verdicts(_:)``.
    public static func verdicts(of schema: JSONValue, _ instances: [JSONValue]) throws -> [Bool] {
        try verdicts([(schema, instances)]).flatMap { $0 }
    }

    /// Runs a Python script with a file that holds `input` as its argument; returns its standard output.
    public static func run(script: String, input: [UInt8]) throws -> String {
        let python = getenv("BATON_PYTHON").map { String(cString: $0) } ?? "python3"
        var template = Array("/tmp/baton-jsonschema-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Unavailable(description: "no temporary directory: \(errno)") }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ["script.py", "input", "output", "error"] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        try write(Array(script.utf8), to: "\(directory)/script.py")
        try write(input, to: "\(directory)/input")
        let arguments = [python, "-W", "ignore", "\(directory)/script.py", "\(directory)/input"]
        let status = try spawn(arguments, output: "\(directory)/output", error: "\(directory)/error")
        guard status == 0 else {
            let reason = try String(decoding: read("\(directory)/error").suffix(2000), as: UTF8.self)
            throw Unavailable(
                description:
                    "\(python) failed with wait status \(status). These tests need a Python that imports jsonschema: "
                    + "set BATON_PYTHON to one, or `pip install jsonschema`. It said: \(reason)")
        }
        return try String(decoding: read("\(directory)/output"), as: UTF8.self)
    }

    private static func spawn(_ arguments: [String], output: String, error: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var pid: pid_t = 0
        let started = posix_spawnp(&pid, arguments[0], &actions, nil, &pointers, environ)
        guard started == 0 else {
            throw Unavailable(
                description: "\(arguments[0]) cannot be started (error \(started)): install Python 3 with jsonschema, "
                    + "or set BATON_PYTHON to one")
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw Unavailable(description: "waitpid: error \(errno)") }
        }
        return status
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw Unavailable(description: "\(path): error \(errno)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw Unavailable(description: "\(path): error \(errno)")
        }
    }

    /// The content of a file.
    public static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw Unavailable(description: "\(path): error \(errno)") }
        defer { fclose(file) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return content }
            content += buffer[..<count]
        }
    }
}
