import AgentRuntime
import JSONTools

/// What a Python package offers: the public names of its modules, read by Python's own `ast`; nothing of it is run.
struct PythonExports {
    static let maxFiles = 2000

    /// The modules that belong to what is installed, of a project that says it is a package.
    ///
    /// - Parameter files: what the repository tracks.
    /// - Returns: none of a project without package metadata: it is an app, whose names are its own affair.
    static func modules(among files: [String]) -> [(path: String, module: String)] {
        guard !Set(files).isDisjoint(with: ["pyproject.toml", "setup.py", "setup.cfg"]) else { return [] }
        let tracked = Set(files)
        var modules: [(String, String)] = []
        for path in files where path.hasSuffix(".py") && modules.count < maxFiles {
            var place = path
            if place.hasPrefix("src/") { place.removeFirst(4) }
            var parts = place.dropLast(3).split(separator: "/").map(String.init)
            guard parts.count > 1, !["tests", "test", "docs", "scripts", "e2e"].contains(parts[0]) else { continue }
            let root = (path.hasPrefix("src/") ? "src/" : "") + parts[0]
            guard tracked.contains(root + "/__init__.py") else { continue }
            if parts.last == "__init__" { parts.removeLast() }
            guard !parts.contains(where: { $0.hasPrefix("_") || $0 == "tests" }) else { continue }
            modules.append((path, parts.joined(separator: ".")))
        }
        return modules
    }

    /// Prints a list of `[name, file, line, arguments or null]`; arguments are `[name, is required]`.
    static let script = #"""
        import ast, json, sys

        root, found = sys.argv[1], []

        def is_public(name):
            return not name.startswith("_") or name == "__init__"

        def arguments(node, is_method):
            given = node.args.posonlyargs + node.args.args
            first_default = len(given) - len(node.args.defaults)
            listed = [[one.arg, at < first_default] for at, one in enumerate(given)]
            static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
            if is_method and not static:
                listed = listed[1:]
            return listed + [[one.arg, value is None] for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults)]

        def visit(body, prefix, path, names, is_class):
            for node in body:
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if is_public(node.name) and (names is None or node.name in names):
                        decorated = any(not (isinstance(d, ast.Name) and d.id in ("staticmethod", "classmethod")) for d in node.decorator_list)
                        listed = None if decorated or node.args.kwarg else arguments(node, is_class)
                        found.append([prefix + node.name, path, node.lineno, listed])
                elif isinstance(node, ast.ClassDef):
                    if is_public(node.name) and (names is None or node.name in names):
                        found.append([prefix + node.name, path, node.lineno, None])
                        visit(node.body, prefix + node.name + ".", path, None, True)
                elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    for target in targets:
                        for one in getattr(target, "elts", [target]):
                            if isinstance(one, ast.Name) and is_public(one.id) and (names is None or one.id in names):
                                found.append([prefix + one.id, path, node.lineno, None])
                elif isinstance(node, (ast.Import, ast.ImportFrom)) and not is_class:
                    # What a package's own file gets from its modules, it offers.
                    is_own = isinstance(node, ast.ImportFrom) and node.level > 0
                    for alias in node.names:
                        name = alias.asname or alias.name
                        chosen = names is not None and name in names
                        if name != "*" and is_public(name) and (chosen or (names is None and is_own and path.endswith("__init__.py"))):
                            found.append([prefix + name, path, node.lineno, None])
                elif isinstance(node, (ast.If, ast.Try)):
                    visit(node.body, prefix, path, names, is_class)
                    visit(node.orelse, prefix, path, names, is_class)
                    for handler in getattr(node, "handlers", []):
                        visit(handler.body, prefix, path, names, is_class)

        for path, module in json.load(sys.stdin):
            try:
                with open(root + "/" + path, "rb") as file:
                    tree = ast.parse(file.read(1 << 20))
            except (OSError, SyntaxError, ValueError, RecursionError):
                continue
            names = None
            for node in tree.body:
                if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets):
                    if isinstance(node.value, (ast.List, ast.Tuple)):
                        names = {e.value for e in node.value.elts if isinstance(e, ast.Constant)}
            found.append([module, path, 1, None])
            visit(tree.body, module + ".", path, names, False)
        json.dump(found, sys.stdout)
        """#

    /// Reads what ``script`` printed.
    static func symbols(_ json: JSONValue) -> ExportedSymbols {
        var found = ExportedSymbols()
        for entry in json.arrayValue ?? [] {
            guard let name = entry[0]?.stringValue, let file = entry[1]?.stringValue, let line = entry[2]?.intValue
            else {
                continue
            }
            let arguments = entry[3]?.arrayValue?.compactMap { argument -> ExportedSymbols.Argument? in
                guard let name = argument[0]?.stringValue, let isRequired = argument[1]?.boolValue else { return nil }
                return ExportedSymbols.Argument(name: name, isRequired: isRequired)
            }
            found.symbols.append(.init(name: name, file: file, line: Int(line), arguments: arguments))
        }
        return found
    }
}
