import Foundation

/// One value of a record.
struct Field: Codable, Sendable {
    enum Kind: String, Codable, Sendable {
        case string, text, int, number, bool, date, datetime, email, url, choice

        /// Whether a search looks through its values.
        var isSearched: Bool {
            switch self {
            case .string, .text, .email, .url, .choice: true
            case .int, .number, .bool, .date, .datetime: false
            }
        }
    }

    var name: String
    var label: String
    var type: Kind
    var required: Bool?
    var maxLength: Int?
    var choices: [String]?

    private enum CodingKeys: String, CodingKey {
        case name, label, type, required, choices
        case maxLength = "max_length"
    }

    var isRequired: Bool { required ?? false }
}

/// One kind of record.
struct Model: Codable, Sendable {
    var name: String
    var plural: String
    var label: String
    var fields: [Field]
    /// Its place on the page.
    var position: Int?

    /// The models of a folder, in the order of the page, each with its file as it is.
    static func load(from folder: String) throws -> [(model: Model, json: JSON)] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
        return try names.sorted().map { name in
            let data = try Data(contentsOf: URL(filePath: folder).appending(path: name))
            let decoder = JSONDecoder()
            return (try decoder.decode(Model.self, from: data), try decoder.decode(JSON.self, from: data))
        }.sorted { ($0.model.position ?? 0) < ($1.model.position ?? 0) }
    }

    /// The text that a search looks through.
    func searchText(_ values: [String: JSON]) -> String {
        fields.filter(\.type.isSearched).compactMap { field in
            if case .text(let text)? = values[field.name] { text } else { nil }
        }.joined(separator: "\n").lowercased()
    }
}
