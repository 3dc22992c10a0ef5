import JSONTools

/// Members with keys known when compiling; a nil value is written as `null`, so that a reader sees every field.
extension JSONWriter {
    mutating func field(_ key: StaticString, _ value: String?) {
        self.key(literal: key)
        if let value { self.value(value) } else { null() }
    }

    mutating func field(_ key: StaticString, _ value: Int?) {
        self.key(literal: key)
        if let value { self.value(value) } else { null() }
    }

    mutating func field(_ key: StaticString, _ value: Double?) {
        self.key(literal: key)
        if let value { self.value(value) } else { null() }
    }

    mutating func field(_ key: StaticString, _ value: Bool) {
        self.key(literal: key)
        self.value(value)
    }

    mutating func field(_ key: StaticString, _ value: UniqueID) {
        self.key(literal: key)
        self.value(value)
    }

    mutating func field(_ key: StaticString, _ value: DispatchID) {
        self.key(literal: key)
        self.value(value.description)
    }

    mutating func field(_ key: StaticString, _ value: Timestamp) {
        self.key(literal: key)
        self.value(value)
    }

    mutating func field(_ key: StaticString, _ value: JSONValue) {
        self.key(literal: key)
        self.value(value)
    }

    mutating func field(_ key: StaticString, _ value: JSONObject) {
        self.key(literal: key)
        self.value(value)
    }

    mutating func field(_ key: StaticString, _ value: [String]) {
        self.key(literal: key)
        beginArray()
        for text in value { self.value(text) }
        endArray()
    }

    mutating func field(_ key: StaticString, _ value: (some WireObject)?) {
        self.key(literal: key)
        if let value { value.write(to: &self) } else { null() }
    }

    mutating func field(_ key: StaticString, _ values: [some WireObject]) {
        self.key(literal: key)
        beginArray()
        for value in values { value.write(to: &self) }
        endArray()
    }
}
