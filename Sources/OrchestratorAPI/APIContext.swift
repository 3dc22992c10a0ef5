import Hummingbird
import NIOCore

/// What is known about a request while it is answered.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection that it came on.
    let channel: any Channel
    /// Who asks; nil where no token is needed.
    var caller: Caller?
    /// For the audit trail.
    let note = AuditNote()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
