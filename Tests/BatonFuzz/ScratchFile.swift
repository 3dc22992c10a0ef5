import ArgumentParser
import Glibc

/// A file that is memory, too: what was last written survives a crash.
final class ScratchFile {
    private static let size = 1 << 20
    private let bytes: UnsafeMutableRawPointer

    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(Self.size)) == 0,
            let bytes = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), bytes != MAP_FAILED
        else { throw ValidationError("\(path) can't be made") }
        self.bytes = bytes
        close(descriptor)
    }

    /// The input with its length before it, as text in the first line.
    func write(_ input: [UInt8]) {
        let head = Array("\(input.count)\n".utf8)
        let all = head + input.prefix(Self.size - head.count)
        all.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: $0.count) }
    }
}
