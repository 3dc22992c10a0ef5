/// The environment that tools are started with: an allow-list of this process's own, and what the attempt adds.
///
/// Everything else stays with the agent, above all its addresses and secrets.
struct ToolEnvironment: Sendable {
    /// Variables that are passed on when they are set.
    static let passed: Set<String> = [
        "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "USER", "LOGNAME", "SHELL",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
        "GIT_SSL_CAINFO",
        "PIP_CONFIG_FILE", "PIP_FIND_LINKS", "PIP_CERT", "NPM_CONFIG_USERCONFIG", "NPM_CONFIG_GLOBALCONFIG",
        "PYENV_ROOT", "JAVA_HOME", "DOCKER_HOST", "KUBECONFIG",
        "BATON_DATA_DIR", "BATON_SHARE_DIR", "BATON_PYTHON",
    ]

    var variables: [String: String]

    /// The passed variables of `environment`, with paths to a person's own settings of pip and npm, since tools get another home.
    init(from environment: [String: String]) {
        variables = environment.filter { Self.passed.contains($0.key) }
        if variables["PATH", default: ""].isEmpty { variables["PATH"] = "/usr/local/bin:/usr/bin:/bin" }
        if variables["LANG"] == nil, variables["LC_ALL"] == nil { variables["LANG"] = "C.UTF-8" }
        guard let home = environment["HOME"], !home.isEmpty else { return }
        let settings = [
            ("PIP_CONFIG_FILE", home + "/.config/pip/pip.conf"), ("NPM_CONFIG_USERCONFIG", home + "/.npmrc"),
        ]
        for (name, path) in settings where variables[name] == nil && FileSystem.isRegularFile(path) {
            variables[name] = path
        }
    }

    /// Where an attempt's tools find home, temporary files and git's settings.
    mutating func enter(_ directory: String, gitConfiguration: String?, owner: ProcessMark) {
        variables["HOME"] = directory + "/home"
        variables["TMPDIR"] = directory + "/tmp"
        variables[ProcessMark.variable] = owner.description
        variables["GIT_TERMINAL_PROMPT"] = "0"
        variables["GIT_CONFIG_NOSYSTEM"] = "1"
        if let gitConfiguration { variables["GIT_CONFIG_GLOBAL"] = gitConfiguration }
        for role in ["AUTHOR", "COMMITTER"] {
            variables["GIT_\(role)_NAME"] = "Baton"
            variables["GIT_\(role)_EMAIL"] = "baton@localhost"
        }
    }

    /// Puts a directory before the others of `PATH`, unless it is among them.
    mutating func prependPath(_ directory: String) {
        let path = variables["PATH", default: ""]
        guard !path.split(separator: ":").contains(Substring(directory)) else { return }
        variables["PATH"] = path.isEmpty ? directory : directory + ":" + path
    }

    /// With the variables of one command; an empty value unsets one.
    func merging(_ more: [String: String]) -> [String: String] {
        variables.merging(more) { _, new in new }.filter { !$0.value.isEmpty }
    }

    /// Finds an executable: a path with a slash as it is (relative to `directory`), a name in `PATH`.
    static func find(_ name: String, path: String, directory: String = ".") -> String? {
        if name.contains("/") {
            let candidate = name.hasPrefix("/") ? name : directory + "/" + name
            return FileSystem.isExecutable(candidate) ? FileSystem.absolute(candidate) : nil
        }
        for directory in path.split(separator: ":") where directory.hasPrefix("/") {
            let candidate = directory + "/" + name
            if FileSystem.isExecutable(candidate) { return candidate }
        }
        return nil
    }
}
