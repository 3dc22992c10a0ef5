import AgentProtocol
import FuzzKit
import JSONTools

/// The messages of the wire protocol.
extension Targets {
    static func messages() -> [FuzzTarget] {
        [
            message("envelope", TaskEnvelope.init(decoding:), { $0.encoded() }),
            message("result", TaskResult.init(decoding:), { $0.encoded() }),
            message("signal", AgentSignal.init(decoding:), { $0.encoded() }),
            message("control", ControlMessage.init(decoding:), { $0.encoded() }),
            message("log-batch", LogBatch.init(decoding:), { $0.encoded() }),
        ]
    }

    private static func message<Message: Equatable>(
        _ name: String, _ decode: @escaping ([UInt8]) throws(ProtocolError) -> Message,
        _ encode: @escaping (Message) -> [UInt8]
    ) -> FuzzTarget {
        FuzzTarget(name, .json, maxBytes: 300 << 10) { input in
            let message: Message
            do throws(ProtocolError) {
                message = try decode(input)
            } catch {
                if let fault = fault(inMessage: error.message) { return .broken(fault) }
                guard JSONPointer("\(error.pointer)") == error.pointer else {
                    return .broken("the pointer \(error.pointer) is none")
                }
                return .refused("\(error.code) \(kind("\(error.pointer)")) \(kind(error.message))")
            }
            guard input.count <= ProtocolLimits.messageBytes else {
                return .broken("\(input.count) bytes are accepted")
            }
            let written = encode(message)
            guard let again = try? decode(written) else {
                // What is at its limit as it came may be over it when written out; nothing else may be.
                return written.count > ProtocolLimits.messageBytes
                    ? .accepted : .broken("what was written can't be read")
            }
            guard again == message else { return .broken("what was read again differs") }
            return encode(again) == written ? .accepted : .broken("what was read again is written otherwise")
        }
    }
}
