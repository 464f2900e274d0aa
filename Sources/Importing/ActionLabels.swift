import Domain

/// Turns the action labels of a file into checked lower case, remembering those met: a file has few of them.
struct ActionLabels {
    private var known: [(bytes: [UInt8], label: String)] = []

    /// The label in lower case; nil where ``Action`` does not know it.
    mutating func label(_ field: FieldBytes) -> String? {
        for (bytes, label) in known where bytes.count == field.count && bytes.elementsEqual(field) { return label }
        guard let text = field.text, Action(label: text) != nil else { return nil }
        let label = text.lowercased()
        known.append((Array(field), label))
        return label
    }
}
