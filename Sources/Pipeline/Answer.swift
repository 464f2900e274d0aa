import Foundation

/// What a command answers on standard output: text for people, or the same facts as one JSON object.
package struct Answer: Sendable {
    package let text: String
    package let json: String

    package init(_ text: String, _ facts: some Encodable) {
        self.text = text
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        json = (try? encoder.encode(facts)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

/// Rows under headings, in columns as wide as they need; numbers to the right.
func table(_ headings: [String], _ rows: [[String]]) -> String {
    // A name that holds a line break must not tear the table.
    let all =
        [headings]
        + rows.map { $0.map { cell in cell.contains(where: \.isNewline) ? cell.replacing(#/\R/#, with: " ") : cell } }
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    let isNumber = headings.indices.map { column in
        !rows.isEmpty && rows.allSatisfy { Double($0[column].replacing(",", with: "")) != nil || $0[column].isEmpty }
    }
    return all.map { row in
        row.indices.map { column in
            let pad = String(repeating: " ", count: widths[column] - row[column].count)
            return isNumber[column] ? pad + row[column] : row[column] + pad
        }.joined(separator: "  ").trimmingTrailingSpaces
    }.joined(separator: "\n")
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var end = endIndex
        while end > startIndex, self[index(before: end)] == " " { end = index(before: end) }
        return String(self[..<end])
    }
}

/// "1.4 MiB", "812 B".
func sizeText(_ bytes: Int) -> String {
    var value = Double(bytes), unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    return unit == 0 ? "\(bytes) B" : String(format: "%.1f %@", value, units[unit])
}

/// "3 hours old", as a person says it.
func ageText(_ seconds: Double) -> String {
    guard seconds >= 0 else { return "from the future" }
    let units: [(String, Double)] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)]
    let (name, length) = units.first { seconds >= 2 * $0.1 } ?? units[3]
    let count = Int(seconds / length)
    return "\(count) \(name)\(count == 1 ? "" : "s") old"
}

/// "12.3 %".
func percentText(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
