import Foundation
import Hummingbird

@main
enum Main {
    static func main() async throws {
        let settings: Settings
        do {
            settings = try Settings(environment: ProcessInfo.processInfo.environment)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(64)
        }
        // SIGTERM and SIGINT stop it once the open requests are answered.
        let application = try buildApplication(settings)
        try await application.runService()
    }
}
