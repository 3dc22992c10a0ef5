import JSONTestSupport
import JSONTools
import Testing

@Suite struct SHA256DigestTests {
    /// From FIPS 180-4's example documents and the NIST validation suite.
    private static let known: [(String, String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test(arguments: known)
    func `known digests come out`(text: String, digest: String) {
        #expect(SHA256Digest.hex(of: Array(text.utf8)) == digest)
    }

    @Test func `it does not matter how the bytes are cut into pieces`() {
        var generator = SeededGenerator(seed: 4)
        for length in 0..<300 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var digest = SHA256Digest()
            var position = 0
            while position < length {
                let end = Int.random(in: position...length, using: &generator)
                digest.update(Array(bytes[position..<end]))
                position = end
            }
            #expect(digest.finalize() == SHA256Digest.hex(of: bytes))
        }
    }
}
