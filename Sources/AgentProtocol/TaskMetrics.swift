import JSONTools

/// What an attempt cost. Every field is optional on the wire; an absent number is 0.
public struct TaskMetrics: Sendable, Hashable {
    /// How long it ran, in milliseconds.
    public var durationMilliseconds: Int
    /// How long it waited at the agent before it ran, in milliseconds.
    public var queueMilliseconds: Int
    /// Tokens read by models.
    public var tokensIn: Int
    /// Tokens written by models.
    public var tokensOut: Int
    /// Tokens that caches made unnecessary.
    public var tokensSaved: Int
    /// What the models cost, in US dollars.
    public var costUSD: Double
    /// The model that was used; nil if none.
    public var model: String?
    /// The most memory that it held, in bytes; 0 if unknown.
    public var peakMemoryBytes: Int

    /// Metrics; every parameter is the property of its name.
    public init(
        durationMilliseconds: Int = 0, queueMilliseconds: Int = 0, tokensIn: Int = 0, tokensOut: Int = 0,
        tokensSaved: Int = 0, costUSD: Double = 0, model: String? = nil, peakMemoryBytes: Int = 0
    ) {
        self.durationMilliseconds = durationMilliseconds
        self.queueMilliseconds = queueMilliseconds
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
        self.tokensSaved = tokensSaved
        self.costUSD = costUSD
        self.model = model
        self.peakMemoryBytes = peakMemoryBytes
    }
}

extension TaskMetrics: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        let milliseconds = 0...ProtocolLimits.milliseconds
        let quantity = 0...ProtocolLimits.quantity
        self.init(
            durationMilliseconds: try fields.optionalInteger("duration_ms", in: milliseconds) ?? 0,
            queueMilliseconds: try fields.optionalInteger("queue_ms", in: milliseconds) ?? 0,
            tokensIn: try fields.optionalInteger("tokens_in", in: quantity) ?? 0,
            tokensOut: try fields.optionalInteger("tokens_out", in: quantity) ?? 0,
            tokensSaved: try fields.optionalInteger("tokens_saved", in: quantity) ?? 0,
            costUSD: try fields.optionalNumber("cost_usd", in: 0...1e9) ?? 0,
            model: try fields.optionalShortText("model"),
            peakMemoryBytes: try fields.optionalInteger("peak_memory_bytes", in: quantity) ?? 0)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("duration_ms", durationMilliseconds)
        writer.field("queue_ms", queueMilliseconds)
        writer.field("tokens_in", tokensIn)
        writer.field("tokens_out", tokensOut)
        writer.field("tokens_saved", tokensSaved)
        writer.field("cost_usd", costUSD)
        writer.field("model", model)
        writer.field("peak_memory_bytes", peakMemoryBytes)
        writer.endObject()
    }
}
