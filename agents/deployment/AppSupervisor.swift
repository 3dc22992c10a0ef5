import Glibc
import JSONTools
import ProjectTools

/// Starts an app again when it crashes, though no agent is there: a shell of a few lines that leads the app's session.
///
/// It does so only while the deployment's record says that it serves, and names this very process: a release that isn't
/// in service yet, or no more, ends with its first crash. After too many crashes in a row it gives up.
struct AppSupervisor: Sendable, Hashable {
    /// So many restarts within ``windowSeconds`` are one too many.
    var maxRestarts = 5
    var windowSeconds = 300
    /// Before the first restart; doubled before each further one, up to 30 s.
    var pauseSeconds = 1
    /// The deployment's record.
    var record: String
    /// Where restarts are noted.
    var note: String

    init(_ directory: DeploymentDirectory) {
        record = directory.recordFile
        note = directory.supervisionFile
    }

    /// The command that supervises another one.
    func arguments(for command: [String]) -> [String] {
        // Should the shell be killed, the app goes with it, as without a supervisor.
        let bound = access(Self.setpriv, X_OK) == 0 ? [Self.setpriv, "--pdeathsig", "TERM", "--"] : []
        // What shells add to the environment is not meant for the app.
        let clean = ["/usr/bin/env"] + ["PWD", "OLDPWD", "SHLVL", "_"].flatMap { ["-u", $0] } + ["--"]
        return ["/bin/sh", "-c", Self.script, "baton-app", record, note]
            + [maxRestarts, windowSeconds, pauseSeconds].map(String.init) + clean + bound + command
    }

    private static let setpriv = "/usr/bin/setpriv"

    /// The record is written by `prettyPrinted`, a member a line.
    private static let script = #"""
        record=$1 note=$2 limit=$3 window=$4 pause=$5
        shift 5
        first=$pause count=0 begin=$(date +%s)
        trap '[ -z "$child" ] || kill -TERM "$child" 2>/dev/null; exit 143' TERM
        while :; do
            "$@" &
            child=$!
            wait "$child"
            code=$?
            child=
            grep -q "^ *\"pid\": $$,*\$" "$record" 2>/dev/null || exit "$code"
            grep -q '^ *"status": "running",*$' "$record" 2>/dev/null || exit "$code"
            now=$(date +%s)
            if [ $((now - begin)) -gt "$window" ]; then begin=$now count=0 pause=$first; fi
            count=$((count + 1)) gave_up=false
            [ "$count" -le "$limit" ] || gave_up=true
            # The app may write here, too: neither a link nor a folder of its own leads the note elsewhere.
            rm -f "$note.tmp"
            (
                set -C
                printf '{"pid": %s, "restarts": %s, "last_exit_code": %s, "last_exit": %s, "gave_up": %s}\n' \
                    "$$" "$((count - (count > limit)))" "$code" "$now" "$gave_up" > "$note.tmp"
            ) 2>/dev/null && mv -fT "$note.tmp" "$note" 2>/dev/null
            if [ "$gave_up" = true ]; then
                echo "[baton] the app ended with code $code and is not started again: $limit restarts did not help"
                exit "$code"
            fi
            echo "[baton] the app ended with code $code; it is started again in $pause s ($count of $limit)"
            sleep "$pause"
            pause=$((pause * 2))
            [ "$pause" -le 30 ] || pause=30
        done
        """#

    /// What was noted of the process that a record names; nil when it never crashed.
    static func note(in directory: DeploymentDirectory, of process: AppProcess.Identity?) -> JSONObject? {
        guard let process, let bytes = SmallFile.read(directory.supervisionFile, maxBytes: 4096),
            let note = (try? JSONValue(parsing: bytes))?.objectValue, note["pid"]?.intValue == Int(process.processID)
        else { return nil }
        return note
    }
}
