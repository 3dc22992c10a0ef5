extension JSONValue {
    /// The name in `{"secret": "NAME"}`, which stands for the value of a secret that only agents know; nil for anything else.
    public var secretName: String? {
        guard case .object(let object) = self, object.count == 1 else { return nil }
        return object["secret"]?.stringValue
    }
}
