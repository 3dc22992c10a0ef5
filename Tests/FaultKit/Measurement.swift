import Foundation
import Glibc
package import JSONTools
import Synchronization

/// Writes down how long things took, for `docs/reliability.md`.
///
/// `BATON_MEASUREMENTS` names a file that gets a line of JSON for each measurement; without it nothing is written.
package enum Measurement {
    private static let lock = Mutex(())

    /// Notes a time.
    ///
    /// - Parameters:
    ///   - row: the row of the fault table, by the id that `scripts/measure-faults` knows.
    ///   - test: the name of the test.
    ///   - time: what was measured.
    package static func note(_ row: String, _ test: String, _ time: Duration) {
        let (seconds, attoseconds) = time.components
        note(row, test, "milliseconds", .integer(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    }

    /// Notes a time in seconds.
    package static func note(_ row: String, _ test: String, seconds: Double) {
        note(row, test, "milliseconds", .integer(Int64((seconds * 1000).rounded())))
    }

    /// Notes something other than a time.
    package static func note(_ row: String, _ test: String, _ unit: String, _ value: JSONValue) {
        guard let path = ProcessInfo.processInfo.environment["BATON_MEASUREMENTS"], !path.isEmpty else { return }
        let line: JSONValue = ["row": .string(row), "test": .string(test), "unit": .string(unit), "value": value]
        lock.withLock { _ in
            guard let file = fopen(path, "a") else { return }
            let bytes = line.encoded() + [UInt8(ascii: "\n")]
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }
    }
}
