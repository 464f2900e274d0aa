import FoundationEssentials

/// The form of an answer that is held to the listed names: `{"group": "Tents"}`.
struct NamedAnswer: Codable {
    let group: String

    init?(json: String) {
        guard let answer = try? JSONDecoder().decode(NamedAnswer.self, from: Data(json.utf8)) else { return nil }
        self = answer
    }

    /// The `response_format` that asks for it. Source: OpenAI's structured outputs; llama.cpp and vLLM take the same.
    struct Format: Encodable {
        let type = "json_schema"
        let schema: Named

        init(names: [String]) { schema = Named(schema: Object(properties: ["group": Choice(names: names)])) }

        private enum CodingKeys: String, CodingKey {
            case type
            case schema = "json_schema"
        }
    }

    struct Named: Encodable {
        let name = "next_group"
        let strict = true
        let schema: Object
    }

    struct Object: Encodable {
        let type = "object"
        let properties: [String: Choice]
        let required = ["group"]
        let additionalProperties = false
    }

    struct Choice: Encodable {
        let type = "string"
        let names: [String]

        private enum CodingKeys: String, CodingKey {
            case type
            case names = "enum"
        }
    }
}
