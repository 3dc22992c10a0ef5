import Glibc
import Logging
import ServiceLifecycle

/// The running agent as a service: ends by itself after a graceful shutdown was asked for.
struct AgentService: Service {
    let shell: AgentShell

    func run() async throws {
        await withGracefulShutdownHandler {
            await shell.run()
        } onGracefulShutdown: {
            shell.logger.notice("asked to end: taking no more tasks")
            shell.terminate()
        }
    }
}
