import Foundation
import JSONTools
import Testing

@Suite("Settings that stand in files")
struct SettingFilesTests {
    /// A file for one test.
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/setting-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("The file's content is the value, without newlines at its end")
    func value() throws {
        for (content, expected) in [
            ("pw", "pw"), ("pw\n", "pw"), ("pw\r\n\n", "pw"), (" a b \n", " a b "), ("a\nb\n", "a\nb"),
        ] {
            try withFile(Array(content.utf8)) { path in
                let (environment, faults) = SettingFiles.resolve(["BATON_X_FILE": path, "HOME": "/root"])
                #expect(environment == ["BATON_X": expected, "HOME": "/root"])
                #expect(faults.isEmpty)
            }
        }
    }

    @Test("Variables of others, and empty ones, are left alone")
    func others() {
        let environment = ["SSL_CERT_FILE": "/none", "BATON_FILE": "/none", "BATON_PORT": "1", "BATON_Y_FILE": ""]
        let (resolved, faults) = SettingFiles.resolve(environment)
        #expect(resolved == ["SSL_CERT_FILE": "/none", "BATON_FILE": "/none", "BATON_PORT": "1"])
        #expect(faults.isEmpty)
    }

    @Test("A setting that is given both ways is refused, and neither value is told")
    func both() throws {
        try withFile(Array("from-a-file".utf8)) { path in
            let (_, faults) = SettingFiles.resolve(["BATON_X": "from-outside", "BATON_X_FILE": path])
            #expect(faults == ["BATON_X and BATON_X_FILE are both set; unset one of them"])
        }
    }

    @Test(
        "What can't be a value is refused, with the reason and without the content",
        arguments: [
            ([], "is empty"), (Array("\n".utf8), "is empty"), (Array("hidden".utf8) + [0], "is no UTF-8 text"),
            (Array("hidden".utf8) + [0xFF], "is no UTF-8 text"),
            ([UInt8](repeating: 0x61, count: SettingFiles.maxBytes + 1), "is larger than 64 KiB"),
        ] as [([UInt8], String)])
    func refused(_ content: [UInt8], _ reason: String) throws {
        try withFile(content) { path in
            let (environment, faults) = SettingFiles.resolve(["BATON_X_FILE": path])
            #expect(faults == ["BATON_X_FILE names \(path), which \(reason)"])
            #expect(environment["BATON_X"] == nil)
        }
    }

    @Test("A missing file, a folder and a pipe without a writer are refused at once")
    func special() throws {
        let pipe = FileManager.default.temporaryDirectory.path + "/pipe-\(UUID().uuidString)"
        #expect(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }
        for (path, reason) in [
            ("/nowhere/file", "can't be read: No such file or directory"), ("/tmp", "is no regular file"),
            (pipe, "is no regular file"),
        ] {
            #expect(
                SettingFiles.resolve(["BATON_X_FILE": path]).faults == ["BATON_X_FILE names \(path), which \(reason)"])
        }
    }
}
