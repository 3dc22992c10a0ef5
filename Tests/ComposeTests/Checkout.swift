import Foundation

/// The checkout that these tests are part of.
enum Checkout {
    /// A file or program that the tests need is not there.
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    /// Its absolute path.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// A file's text; `path` is relative to the checkout.
    static func text(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: root + "/" + path) else {
            throw Missing(description: "\(path) can't be read")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Whether there is a file or folder.
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// The files below some folders whose names end so; paths relative to the checkout, sorted.
    static func files(below folders: [String], ending: String) -> [String] {
        folders.flatMap { folder in
            (FileManager.default.enumerator(atPath: root + "/" + folder)?.allObjects ?? []).compactMap { $0 as? String }
                .filter { $0.hasSuffix(ending) }.map { folder + "/" + $0 }
        }.sorted()
    }

    /// The text of all Swift sources of the product.
    static func sources() throws -> String {
        try files(below: ["Sources", "agents"], ending: ".swift").map(text).joined(separator: "\n")
    }

    /// Every `BATON_…` that the sources read or set.
    static func environmentNames() throws -> Set<String> {
        Set(try sources().matches(of: /"(BATON_[A-Z_]*[A-Z])"/).map { String($0.1) })
    }

    /// The executables that `Package.swift` declares.
    static func products() throws -> Set<String> {
        Set(try text("Package.swift").matches(of: /\.executable\(name: "([^"]+)"/).map { String($0.1) })
    }

    /// Runs a shell command in the checkout.
    ///
    /// - Returns: what it printed, on both channels, and its exit status.
    static func shell(_ command: String) throws -> (output: String, status: Int32) {
        guard let pipe = popen("cd '\(root)' && { \(command); } 2>&1", "r") else {
            throw Missing(description: "no shell for: \(command)")
        }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, pipe)
            guard count > 0 else { break }
            output += buffer[..<count]
        }
        let status = pclose(pipe)
        return (String(decoding: output, as: UTF8.self), (status >> 8) & 0xFF)
    }
}
