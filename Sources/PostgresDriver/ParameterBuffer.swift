/// Encodes parameters into one buffer that is used again and again, in PostgreSQL's binary format
/// (`src/backend/utils/adt/*send`, `array_recv`).
struct ParameterBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0
    /// Above this the buffer is given back after use.
    private static let keptCapacity = 1 << 20

    /// Where each parameter begins, -1 for NULL.
    private var offsets: [Int] = []
    private(set) var types: [UInt32] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var pointers: [UnsafePointer<CChar>?] = []

    init() {
        capacity = 4096
        base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { base.deallocate() }

    /// Replaces the content by these parameters, whose sizes were checked before.
    mutating func encode(_ parameters: [PostgresParameter]) {
        offsets.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        count = 0
        if capacity > Self.keptCapacity {
            base.deallocate()
            capacity = 4096
            base = .allocate(byteCount: capacity, alignment: 8)
        }
        for parameter in parameters {
            let start = count
            let isNull = !append(parameter)
            offsets.append(isNull ? -1 : start)
            types.append(parameter.type.oid)
            lengths.append(Int32(count - start))
        }
        while formats.count < parameters.count { formats.append(1) }
        pointers.removeAll(keepingCapacity: true)
        // Only now does the buffer stay where it is.
        for offset in offsets {
            pointers.append(offset < 0 ? nil : UnsafePointer((base + offset).assumingMemoryBound(to: CChar.self)))
        }
    }

    /// The current content in the form that libpq takes: types, values, lengths, formats.
    func withArguments<Value>(
        _ body: (
            _ count: Int32, _ types: UnsafePointer<UInt32>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> Value
    ) -> Value {
        types.withUnsafeBufferPointer { types in
            pointers.withUnsafeBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(
                            Int32(types.count), types.baseAddress, pointers.baseAddress, lengths.baseAddress,
                            formats.baseAddress)
                    }
                }
            }
        }
    }

    /// - Returns: false for NULL.
    private mutating func append(_ parameter: PostgresParameter) -> Bool {
        reserve(parameter.encodedSize ?? 0)
        switch parameter {
        case .null: return false
        case .int2(let value): store(value)
        case .int4(let value): store(value)
        case .int8(let value): store(value)
        case .float8(let value): store(value.bitPattern)
        case .bool(let value): store(UInt8(value ? 1 : 0))
        case .text(let value): store(value)
        case .utf8(let value), .bytes(let value): store(value)
        case .uuid(let value): store(value)
        case .timestamp(let value): store(value)
        case .int2Array(let values): storeArray(values, .int2) { $0.storeElement($1) }
        case .int4Array(let values): storeArray(values, .int4) { $0.storeElement($1) }
        case .int8Array(let values): storeArray(values, .int8) { $0.storeElement($1) }
        case .float8Array(let values): storeArray(values, .float8) { $0.storeElement($1.bitPattern) }
        case .boolArray(let values): storeArray(values, .bool) { $0.storeElement(UInt8($1 ? 1 : 0)) }
        case .textArray(let values): storeArray(values, .text) { $0.storeElement($1) }
        case .utf8Array(let values): storeArray(values, .text) { $0.storeElement($1) }
        case .bytesArray(let values): storeArray(values, .bytea) { $0.storeElement($1) }
        case .uuidArray(let values): storeArray(values, .uuid) { $0.storeElement($1) }
        case .timestampArray(let values): storeArray(values, .timestamptz) { $0.storeElement($1) }
        case .nullableInt2Array(let values): storeNullableArray(values, .int2) { $0.storeElement($1) }
        case .nullableInt4Array(let values): storeNullableArray(values, .int4) { $0.storeElement($1) }
        case .nullableInt8Array(let values): storeNullableArray(values, .int8) { $0.storeElement($1) }
        case .nullableFloat8Array(let values):
            storeNullableArray(values, .float8) { $0.storeElement($1.bitPattern) }
        case .nullableBoolArray(let values):
            storeNullableArray(values, .bool) { $0.storeElement(UInt8($1 ? 1 : 0)) }
        case .nullableTextArray(let values): storeNullableArray(values, .text) { $0.storeElement($1) }
        case .nullableUTF8Array(let values): storeNullableArray(values, .text) { $0.storeElement($1) }
        case .nullableBytesArray(let values): storeNullableArray(values, .bytea) { $0.storeElement($1) }
        case .nullableUUIDArray(let values): storeNullableArray(values, .uuid) { $0.storeElement($1) }
        case .nullableTimestampArray(let values): storeNullableArray(values, .timestamptz) { $0.storeElement($1) }
        }
        return true
    }

    private mutating func reserve(_ size: Int) {
        guard count + size > capacity else { return }
        let larger = max(capacity * 2, count + size)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    // The space was reserved by `append`, whose `encodedSize` is an upper bound; each store asserts that.

    private mutating func store<Number: FixedWidthInteger>(_ value: Number) {
        precondition(count + MemoryLayout<Number>.size <= capacity, "The size of a parameter was counted wrong.")
        (base + count).storeBytes(of: value.bigEndian, as: Number.self)
        count += MemoryLayout<Number>.size
    }

    private mutating func store(_ value: [UInt8]) {
        precondition(count + value.count <= capacity, "The size of a parameter was counted wrong.")
        value.withUnsafeBytes { source in
            if let start = source.baseAddress { (base + count).copyMemory(from: start, byteCount: source.count) }
        }
        count += value.count
    }

    private mutating func store(_ value: String) {
        let room = UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
        var value = value
        count += value.withUTF8 { source in
            precondition(source.count <= room.count, "The size of a parameter was counted wrong.")
            room.copyMemory(from: UnsafeRawBufferPointer(source))
            return source.count
        }
    }

    private mutating func store(_ value: PostgresUUID) {
        store(value.high)
        store(value.low)
    }

    private mutating func store(_ value: PostgresTimestamp) {
        guard let wire = value.wire else { preconditionFailure("A timestamp out of range was not refused.") }
        store(wire)
    }

    private mutating func storeElement<Number: FixedWidthInteger>(_ value: Number) {
        store(Int32(MemoryLayout<Number>.size))
        store(value)
    }

    private mutating func storeElement(_ value: [UInt8]) {
        store(Int32(value.count))
        store(value)
    }

    private mutating func storeElement(_ value: String) {
        let lengthAt = count
        store(Int32(0))
        store(value)
        (base + lengthAt).storeBytes(of: Int32(count - lengthAt - 4).bigEndian, as: Int32.self)
    }

    private mutating func storeElement(_ value: PostgresUUID) {
        store(Int32(16))
        store(value)
    }

    private mutating func storeElement(_ value: PostgresTimestamp) {
        store(Int32(8))
        store(value)
    }

    /// Dimensions, flag for NULLs, element type, then for the one dimension its length and lower bound.
    private mutating func storeHeader(count elements: Int, hasNulls: Bool, _ type: PostgresType) {
        store(Int32(elements == 0 ? 0 : 1))
        store(Int32(hasNulls ? 1 : 0))
        store(type.oid)
        guard elements > 0 else { return }
        store(Int32(elements))
        store(Int32(1))
    }

    @inline(__always)
    private mutating func storeArray<Element>(
        _ values: [Element], _ type: PostgresType, _ storeElement: (inout ParameterBuffer, Element) -> Void
    ) {
        storeHeader(count: values.count, hasNulls: false, type)
        for value in values { storeElement(&self, value) }
    }

    @inline(__always)
    private mutating func storeNullableArray<Element>(
        _ values: [Element?], _ type: PostgresType, _ storeElement: (inout ParameterBuffer, Element) -> Void
    ) {
        storeHeader(count: values.count, hasNulls: values.contains { $0 == nil }, type)
        for value in values {
            if let value { storeElement(&self, value) } else { store(Int32(-1)) }
        }
    }
}
