import JSONTools

/// The forms that a deployment's name takes in tools.
extension DeploymentName {
    /// A DNS label (RFC 1035) of at most 40 bytes, which is also fit for images, containers and compose projects.
    ///
    /// A name that is one already stays as it is; any other gets six digits of its hash, so that no two names share one.
    var label: String {
        var text = ""
        for byte in description.utf8 {
            switch byte {
            case 0x30...0x39, 0x61...0x7A: text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x41...0x5A: text.unicodeScalars.append(Unicode.Scalar(byte + 0x20))
            default: if !text.hasSuffix("-") { text += "-" }
            }
        }
        if text.first.map({ !$0.isLetter }) ?? true { text = "app-" + text }
        if text == description, text.utf8.count <= 40, !text.hasSuffix("-") { return text }
        while text.utf8.count > 33 || text.hasSuffix("-") { text.removeLast() }
        return text + "-" + SHA256Digest.hex(of: Array(description.utf8)).prefix(6)
    }
}
