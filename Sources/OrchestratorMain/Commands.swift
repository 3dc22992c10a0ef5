import ArgumentParser
import Foundation
import PostgresDriver
import WorkflowCore
import WorkflowDefinitions
import WorkflowStorage

/// Brings the database to the present schema and ends.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database to the present schema.")

    @Flag(name: .long, help: "Only say whether it is; exits with 75 if a migration is pending.")
    var check = false

    func run() async throws {
        let configuration = try ServerConfiguration(environment: ProcessInfo.processInfo.environment)
        if check { return try await tell(configuration) }
        do throws(PostgresError) {
            let report = try await StoreSetup.migrate(configuration.database)
            if report.applied.isEmpty {
                print("The schema is up to date (migration \(report.current)).")
            } else {
                print("Applied \(report.applied.map(String.init).joined(separator: ", ")); now at \(report.current).")
            }
        } catch {
            throw StartFailure.unavailable("the database could not be migrated: \(error)")
        }
    }

    private func tell(_ configuration: ServerConfiguration) async throws {
        do throws(PostgresError) {
            let pending = try await StoreSetup.pending(configuration.database)
            if pending.isEmpty {
                print("The schema is up to date.")
                return
            }
            print("The schema lacks migration \(pending.map(String.init).joined(separator: ", ")).")
        } catch {
            throw StartFailure.unavailable("the database's schema can't be read: \(error)")
        }
        throw ExitCode(75)
    }
}

/// Checks a definition file.
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check a workflow definition (YAML or JSON).")

    @Argument(help: "The file.")
    var file: String

    func run() throws {
        let text: String
        do {
            text = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw StartFailure(status: 66, description: "\(file) can't be read: \(error.localizedDescription)")
        }
        do throws(DefinitionErrors) {
            let definition = try DefinitionParser.parse(text: text, fileName: file)
            print("\(file): '\(definition.name)' is valid (\(definition.stages.count) stages).")
        } catch {
            for fault in error.faults {
                print("\(file):\(fault.line):\(fault.column): \(fault.message)")
            }
            throw ExitCode(65)
        }
    }
}

/// Says which version this is.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() throws {
        print("baton-orchestrator \(OrchestratorVersion.current)")
    }
}

/// The version of this program.
enum OrchestratorVersion {
    static let current = "0.1.0"
}
