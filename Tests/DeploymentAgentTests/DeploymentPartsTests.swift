import AgentRuntime
import AgentTestSupport
import Foundation
import JSONTools
import ProjectTools
import Testing

@testable import DeploymentAgent

@Suite("Parts of deployment")
struct DeploymentPartsTests {
    @Test(
        "names of deployments",
        arguments: ["calculator-app", "a", "7.up", "A_b-c.d", String(repeating: "x", count: 80)])
    func names(name: String) throws {
        #expect(try DeploymentName(name).description == name)
    }

    @Test(
        "names that would lead elsewhere, or are no file names",
        arguments: [
            "", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a\0", "é", "a\n", String(repeating: "x", count: 81),
        ]
    )
    func badNames(name: String) {
        let failure = #expect(throws: ActionFailure.self) { try DeploymentName(name) }
        #expect(failure?.code == "INVALID_NAME")
    }

    static let record = AppRecord(
        name: "x", port: 4100, status: .running, process: .init(processID: 1234, startTime: 99_887_766),
        release: "0123456789ab",
        commit: "0123456789abcdef0123456789abcdef01234567", health: "/health", log: "/d/app.log", workflowID: "w",
        taskID: "t",
        deployedAt: Timestamp(microseconds: 1_700_000_000_000_000),
        history: [
            .init(
                release: "aaaaaaaaaaaa", commit: "a1", outcome: .healthy, workflowID: "w",
                at: Timestamp(microseconds: 0)),
            .init(
                release: "bbbbbbbbbbbb", commit: "b1", outcome: .unhealthy, workflowID: "w",
                at: Timestamp(microseconds: 0)),
            .init(
                release: "0123456789ab", commit: "01", outcome: .healthy, workflowID: "w",
                at: Timestamp(microseconds: 0)),
        ])

    @Test("a record is read as it was written")
    func roundTrip() throws {
        let text = Self.record.json.encoded()
        #expect(AppRecord(json: try JSONValue(parsing: text)) == Self.record)
        #expect(Self.record.json["url"] == "http://127.0.0.1:4100")
        #expect(Self.record.json["pid"] == 1234)
    }

    @Test("what is no record is none", arguments: [nil, [], ["name": "x"], ["name": "x", "port": 0]] as [JSONValue])
    func noRecord(json: JSONValue) {
        #expect(AppRecord(json: json) == nil)
    }

    @Test("a release in a record can't lead out of the directory")
    func hostileRelease() {
        var json = Self.record.json.objectValue ?? [:]
        json["release"] = "../../../etc"
        #expect(AppRecord(json: .object(json)) == nil)
    }

    @Test("only releases that served can be gone back to, the newest first")
    func healthyReleases() {
        #expect(Self.record.healthyReleases.map(\.release) == ["0123456789ab", "aaaaaaaaaaaa"])
    }

    @Test("history has a limit")
    func historyLimit() {
        var record = Self.record
        let release = Release(commit: String(repeating: "c", count: 40), in: "/d")
        for _ in 0..<200 { record.note(.healthy, of: release, workflowID: "w", at: Timestamp(microseconds: 0)) }
        #expect(record.history.count == AppRecord.maxHistory)
    }

    @Test(
        "the process table's line is read whatever the process calls itself",
        arguments: [
            ("7 (node) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 4711 9 9", "S", 7, 4711),
            ("7 (a) b) (c) Z 1 7 6 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 12 9 9", "Z", 6, 12),
        ] as [(String, String, Int32, UInt64)]
    )
    func processLine(text: String, state: String, session: Int32, startTime: UInt64) throws {
        let stat = try #require(ProcessStat(processID: 7, text: text))
        #expect(stat.state == state)
        #expect(stat.session == session)
        #expect(stat.startTime == startTime)
        #expect(stat.isDead == (state == "Z"))
    }

    @Test("a process with another start time is another process")
    func identity() throws {
        let own = try #require(ProcessStat(of: getpid()))
        #expect(AppProcess.Identity(processID: getpid(), startTime: own.startTime).isAlive)
        #expect(!AppProcess.Identity(processID: getpid(), startTime: own.startTime + 1).isAlive)
        #expect(AppProcess.Identity(processID: 1, startTime: 5) == nil)
        #expect(AppProcess.Identity(processID: nil as Int?, startTime: 5) == nil)
    }

    @Test("a deployed app gets what it needs of the environment and nothing else")
    func environment() {
        let own = [
            "PATH": "/usr/bin", "HOME": "/root", "BATON_OWNER": "1:2", "BATON_TOKEN": "secret", "AWS_SECRET": "x",
            "LANG": "",
        ]
        let result = AppLauncher.environment(own: own, port: 4100, nodeDirectory: "/venv/bin", mark: "/d/x")
        #expect(
            result == [
                "PATH": "/venv/bin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8", "PORT": "4100",
                "NODE_ENV": "production",
                "BATON_DEPLOYMENT": "/d/x", "DATA_DIR": "/d/x/data",
            ])
        let same = AppLauncher.environment(own: own, port: 1, nodeDirectory: "/usr/bin", mark: "")
        #expect(same["PATH"] == "/usr/bin")
    }

    @Test("the five newest releases are kept, and those that are needed")
    func superseded() async throws {
        try await Sandbox.with { sandbox in
            let directory = DeploymentDirectory(try DeploymentName("x"), dataDirectory: sandbox.data)
            let ids = (0..<8).map { "00000000000\($0)" }
            for (age, id) in ids.enumerated() {
                try sandbox.write("", to: "\(directory.releases)/\(id).ready")
                try sandbox.write("", to: "\(directory.releases)/\(id)/server.js")
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: 1000 - Double(age))],
                    ofItemAtPath: "\(directory.releases)/\(id).ready")
            }
            try sandbox.write("", to: "\(directory.releases)/ffffffffffff/unfinished")
            #expect(directory.superseded(keeping: [ids[6]]) == [ids[5], ids[7], "ffffffffffff"])
        }
    }

    @Test("a lock that is taken is refused with its holder, and is free after the holder is done")
    func lock() async throws {
        try await Sandbox.with { sandbox in
            let path = sandbox.path + "/lock"
            let first = try await FileLock.take(path, holder: ["task_id": "T1"], waitSeconds: 0)
            let failure = await #expect(throws: ActionFailure.self) {
                _ = try await FileLock.take(path, holder: [:], waitSeconds: 0)
            }
            #expect(failure?.code == "DEPLOYMENT_LOCKED" && failure?.retryable == true)
            #expect(failure?.message.contains("task_id T1") == true)
            first.release()
            try await FileLock.take(path, holder: [:], waitSeconds: 0).release()
        }
    }

    @Test("a port that somebody listens on is not free")
    func ports() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = bind(descriptor, generic, length)
                listen(descriptor, 1)
                getsockname(descriptor, generic, &length)
                return generic.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            }
        }
        #expect(port > 0)
        #expect(!LocalPort.isFree(port))
        #expect(!LocalPort.isFree(70_000))
    }
}
