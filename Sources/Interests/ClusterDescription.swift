/// What a language model is told about one cluster.
package struct ClusterDescription: Sendable, Equatable {
    package let id: Int
    /// What an answer is matched by, as in `nearline.release_cluster`.
    package let name: String
    /// A sentence or some titles; empty where nothing is known but the name.
    package let text: String

    package init(id: Int, name: String, text: String) {
        self.id = id
        self.name = ClusterDescription.oneLine(name, limit: 120)
        self.text = ClusterDescription.oneLine(text, limit: 300)
    }

    /// - Parameter titles: best known first; the first few are shown, each cut where it is long.
    package init(id: Int, name: String, titles: [String]) {
        let shown = titles.prefix(4).map { ClusterDescription.oneLine($0, limit: 60) }
        self.init(id: id, name: name, text: shown.filter { !$0.isEmpty }.joined(separator: "; "))
    }

    /// A name or a title is written by a seller, perhaps: on one line it can pass for no other line of a prompt.
    private static func oneLine(_ text: String, limit: Int) -> String {
        let words = text.split {
            $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control }
        }
        return String(words.joined(separator: " ").prefix(limit))
    }
}
