/// `nearline config`: every setting, its effective value, and where that came from.
package struct ShowSettings {
    package init() {}

    private struct Fact: Encodable {
        var name: String
        var value: String
        var origin: String
        var help: String
    }

    package func run(_ context: RunContext) -> Answer {
        let facts = context.settings.values.map {
            Fact(name: $0.setting.name, value: $0.text, origin: $0.origin, help: $0.setting.help)
        }
        return Answer(
            table(["setting", "value", "from", "meaning"], facts.map { [$0.name, $0.value, $0.origin, $0.help] }), facts
        )
    }
}
