import Glibc
import JSONTools

/// The rule of ``SettingFiles``, for this process.
enum SettingsInFiles {
    /// Puts settings that stand in files into the environment of this process.
    ///
    /// Secrets of workflows stay where they are: only agents read them.
    ///
    /// - Throws: `.dataError` naming every setting that can't be used.
    static func apply(_ environment: [String: String]) throws(CommandError) {
        let (resolved, faults) = SettingFiles.resolve(environment.filter { !$0.key.hasPrefix("BATON_SECRET_") })
        guard faults.isEmpty else {
            throw CommandError(
                .dataError, "the environment can't be used", details: faults, hint: "mend these settings")
        }
        for name in environment.keys where resolved[name] == nil && !name.hasPrefix("BATON_SECRET_") { unsetenv(name) }
        for (name, value) in resolved where environment[name] != value { setenv(name, value, 1) }
    }
}
