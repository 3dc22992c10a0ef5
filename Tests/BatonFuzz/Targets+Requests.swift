import FuzzKit
import JSONTools
import OrchestratorAPI

/// What a request to the API is made of.
extension Targets {
    static func query() -> FuzzTarget {
        FuzzTarget("query", .query, maxBytes: 20 << 10) { input in
            let text = String(decoding: input, as: UTF8.self)
            // Whatever a text is, escaped it is read as itself.
            let escaped = input.reduce(into: "q=") { $0 += "%" + hexadecimal($1) }
            let isText = String(validating: input, as: UTF8.self) != nil
            let wanted = isText && !input.isEmpty ? text.replacingNUL : nil
            guard RequestParsers.text(ofQuery: escaped) == wanted else {
                return .broken("escaped it is read otherwise")
            }
            do throws(RequestParsers.Refusal) {
                let read = try RequestParsers.workflowList(query: text)
                guard (1...200).contains(read.limit) else { return .broken("the limit is \(read.limit)") }
                let isClean = read.words.allSatisfy { !$0.isEmpty && !$0.utf8.contains(0) }
                return isClean ? .accepted : .broken("a word is empty or holds NUL: \(read.words)")
            } catch {
                if let broken = brokenPromise(of: error, status: 400...400) { return .broken(broken) }
                return .refused(error.faults.first.map { kind("\($0.pointer.prefix(9)) \($0.message)") } ?? "")
            }
        }
    }

    static func bodies() -> FuzzTarget {
        FuzzTarget("body", .json) { input in
            do throws(RequestParsers.Refusal) {
                return try RequestParsers.bodies(input) > 0 ? .accepted : .broken("neither taken nor refused")
            } catch {
                if let broken = brokenPromise(of: error, status: 400...422) { return .broken(broken) }
                return .refused(error.faults.first.map { kind("\($0.pointer.prefix(20)) \($0.message)") } ?? error.kind)
            }
        }
    }

    static func headers() -> FuzzTarget {
        FuzzTarget("header", .text, maxBytes: 9 << 10) { input in
            let text = String(decoding: input, as: UTF8.self)
            let secret = RequestParsers.secret(inCookies: text)
            if secret?.contains(";") == true { return .broken("the secret goes on behind its end") }
            guard let name = RequestParsers.workerName(text) else { return .refused(secret == nil ? "none" : "cookie") }
            guard RequestParsers.workerName(name) == name else { return .broken("'\(name)' has another form still") }
            let isPlain = name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
            }
            return isPlain && (1...64).contains(name.utf8.count) ? .accepted : .broken("'\(name)' is a name")
        }
    }

    private static func brokenPromise(of refusal: RequestParsers.Refusal, status: ClosedRange<Int>) -> String? {
        guard status.contains(refusal.status) else { return "it is refused with status \(refusal.status)" }
        for (pointer, message) in refusal.faults {
            if let fault = fault(inMessage: message) { return fault }
            if pointer.utf8.count > maxMessageBytes { return "a pointer has \(pointer.utf8.count) bytes" }
        }
        let limit = 256 << 10
        return refusal.documentBytes <= limit ? nil : "the problem document has \(refusal.documentBytes) bytes"
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
    }
}

extension String {
    fileprivate var replacingNUL: String {
        var clean = String.UnicodeScalarView()
        for scalar in unicodeScalars { clean.append(scalar == "\0" ? "\u{FFFD}" : scalar) }
        return String(clean)
    }
}
