/// One of the two places that a release may have behind the proxy; the next release takes the other one.
enum ProxySlot: String, Sendable, Hashable, CaseIterable {
    case blue, green

    var other: ProxySlot {
        switch self {
        case .blue: .green
        case .green: .blue
        }
    }
}

/// Where the proxy sends requests.
enum ProxyRoute: Sendable, Hashable {
    /// To one release; the other one only answers while this one is down.
    case only(ProxySlot)
    /// To both; `percent` of the requests (1...99) to this one.
    case share(ProxySlot, percent: Int)

    /// Name of the section of the configuration that does it.
    var backend: String {
        switch self {
        case .only(let slot): slot.rawValue
        case .share: "both"
        }
    }
}
