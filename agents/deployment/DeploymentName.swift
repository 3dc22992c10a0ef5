import AgentRuntime

/// The name of a deployment, which is also the name of its directory.
struct DeploymentName: Sendable, Hashable, CustomStringConvertible {
    static let maxBytes = 80

    let description: String

    /// - Throws: ``ActionFailure`` `INVALID_NAME` for anything but letters, digits, dots, dashes and underscores that
    ///   begins with a letter or digit.
    init(_ text: String) throws {
        let isPlain = text.utf8.allSatisfy { byte in
            Self.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".")
        }
        guard isPlain, let first = text.utf8.first, Self.isAlphanumeric(first), text.utf8.count <= Self.maxBytes else {
            throw ActionFailure(
                code: "INVALID_NAME",
                message:
                    "\(text.debugDescription) can't name a deployment: use letters, digits, '.', '-' and '_', beginning "
                    + "with a letter or digit, at most \(Self.maxBytes) bytes."
            )
        }
        description = text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
