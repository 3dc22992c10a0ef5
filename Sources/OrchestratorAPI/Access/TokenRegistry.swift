import JSONTools
import PostgresDriver
import Synchronization
import WorkflowStorage

/// Knows whose token it is. Looks into the record once in a while, not at every request.
final class TokenRegistry: Sendable {
    /// For how long an answer of the record is believed: a revoked token stops working within this time.
    static let freshness: Swift.Duration = .seconds(10)
    /// Most answers that are kept.
    static let capacity = 1000
    /// How many secrets that it has not heard of lately an address may present a second, and at once: each is looked for
    /// in the record.
    static let guessesPerSecond = 50
    static let guessesAtOnce = 1000
    /// A longer secret can't be one of ours.
    static let maxSecretBytes = 512

    private struct Entry {
        var token: TokenRow?
        var until: ContinuousClock.Instant
    }

    private let store: PostgresReadStore
    private let known = Mutex<[String: Entry]>([:])
    /// The token of this data directory, which works even while the record is away.
    private let admin = Mutex<TokenRow?>(nil)
    private let guesses = RateLimiter(perSecond: guessesPerSecond, burst: guessesAtOnce)

    init(store: PostgresReadStore) {
        self.store = store
    }

    /// Takes the data directory's own token into the record, and remembers it. The one before it is revoked.
    func adopt(adminSecret: String) async throws(PostgresError) {
        let hash = SHA256Digest.hex(of: Array(adminSecret.utf8))
        var token = TokenRow(hash: hash, name: "admin", role: Caller.Role.admin.rawValue, tenant: "default")
        token.isAdminFile = true
        try await store.keep(token)
        token = try await store.token(hash: hash) ?? token
        admin.withLock { $0 = token }
    }

    /// Who presents this secret.
    ///
    /// - Parameter address: where it comes from.
    /// - Throws: 401 if nobody we know; 429 if too much is guessed from there; what the record throws.
    func caller(presenting secret: String, from address: String) async throws -> Caller {
        try Self.caller(try await token(presenting: secret, from: address))
    }

    /// Whether the token that a caller once presented is still good. While the record is away it is.
    func isStillValid(_ caller: Caller) async -> Bool {
        if let admin = admin.withLock({ $0 }), admin.hash == caller.tokenHash { return true }
        do throws(PostgresError) {
            guard let token = try await token(hash: caller.tokenHash) else { return false }
            return token.expiresAt.map { $0 > Timestamp.now() } ?? true
        } catch {
            return true
        }
    }

    /// The valid token with this secret.
    ///
    /// - Throws: 401 if there is none; 429 if too much is guessed from there; what the record throws.
    func token(presenting secret: String, from address: String) async throws -> TokenRow {
        guard secret.utf8.count <= Self.maxSecretBytes else { throw Problem.unauthorized("the token is not known") }
        let hash = SHA256Digest.hex(of: Array(secret.utf8))
        if let admin = admin.withLock({ $0 }), Self.areEqual(admin.hash, hash) { return admin }
        if !isKnown(hash), let seconds = guesses.take(address) {
            throw Problem.rateLimited(retryAfterSeconds: seconds)
        }
        guard let token = try await token(hash: hash), Self.areEqual(token.hash, hash) else {
            throw Problem.unauthorized("the token is not known, or no longer valid")
        }
        if let end = token.expiresAt, end <= Timestamp.now() {
            throw Problem.unauthorized("the token is not known, or no longer valid")
        }
        return token
    }

    /// Forgets what it knows of all tokens but its own: one was made or revoked here.
    func forget() {
        known.withLock { $0.removeAll() }
    }

    /// Whether this is the token of the data directory.
    func isAdminFile(_ id: UniqueID) -> Bool { admin.withLock { $0?.id == id } }

    private func isKnown(_ hash: String) -> Bool {
        let now = ContinuousClock.now
        return known.withLock { ($0[hash]?.until).map { $0 > now } ?? false }
    }

    private func token(hash: String) async throws(PostgresError) -> TokenRow? {
        let now = ContinuousClock.now
        if let entry = known.withLock({ $0[hash] }), entry.until > now { return entry.token }
        let token = try await store.token(hash: hash)
        known.withLock { known in
            if known.count >= Self.capacity {
                known = known.filter { $0.value.until > now }
                if known.count >= Self.capacity { known.removeAll() }
            }
            known[hash] = Entry(token: token, until: now + Self.freshness)
        }
        return token
    }

    private static func caller(_ token: TokenRow) throws(Problem) -> Caller {
        guard let role = Caller.Role(rawValue: token.role) else {
            throw .unauthorized("the token's role '\(token.role)' is not known to this version")
        }
        return Caller(
            name: token.name, role: role, tenant: token.tenant, tokenHash: token.hash, workers: token.workers,
            isSession: token.sessionOf != nil)
    }

    /// Compares in a time that doesn't depend on where the texts differ.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
