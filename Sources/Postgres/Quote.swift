/// Names and literals made safe to stand in SQL, for the places where a parameter cannot.
///
/// Works on Unicode scalars throughout: a combining accent behind a quote would hide it from a search by `Character`.
package enum Quote {
    /// One name, always quoted and taken as it is: `Order` becomes `"Order"`.
    package static func identifier(_ name: String) -> String { "\"" + doubling(["\""], in: name) + "\"" }

    /// A relation as people write it in a configuration (`shop.events`, `Shop."Odd name"`), quoted part by part; nil
    /// where PostgreSQL would not take it as one or two names. As in SQL, parts without quotes fold to lower case.
    package static func relation(_ name: String) -> String? {
        var rest = name.unicodeScalars[...]
        var parts: [String] = []
        while true {
            guard let part = rest.first == "\"" ? takeQuoted(&rest) : takePlain(&rest),
                1...longestName ~= part.utf8.count, !part.utf8.contains(0)
            else { return nil }
            parts.append(part)
            if rest.isEmpty { break }
            guard rest.removeFirst() == "." else { return nil }
        }
        return parts.count <= 2 ? parts.map(identifier).joined(separator: ".") : nil
    }

    /// One name as people write it (`user_id`, `"User Id"`), as the catalogue has it; nil where PostgreSQL would not take it.
    package static func name(_ text: String) -> String? {
        var rest = text.unicodeScalars[...]
        let part = rest.first == "\"" ? takeQuoted(&rest) : takePlain(&rest)
        guard let part, rest.isEmpty, 1...longestName ~= part.utf8.count, !part.utf8.contains(0) else { return nil }
        return part
    }

    /// Texts as one array value, for a parameter such as `$1::text[]`.
    package static func array(_ texts: some Sequence<String>) -> String {
        "{" + texts.map { "\"" + doubling(["\"", "\\"], by: "\\", in: $0) + "\"" }.joined(separator: ",") + "}"
    }

    /// A string constant that means the same whatever `standard_conforming_strings` says.
    package static func literal(_ text: String) -> String {
        // The space keeps the E apart from a word before it.
        (text.utf8.contains(UInt8(ascii: "\\")) ? " E'" : "'") + doubling(["'", "\\"], in: text) + "'"
    }

    /// Bytes of a name that a stock server keeps; it would cut the rest off in silence.
    private static let longestName = 63

    /// - Parameter escape: stands before a mark; nil repeats the mark.
    private static func doubling(
        _ marks: [Unicode.Scalar], by escape: Unicode.Scalar? = nil, in text: String
    ) -> String {
        var doubled = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if marks.contains(scalar) { doubled.append(escape ?? scalar) }
            doubled.append(scalar)
        }
        return String(doubled)
    }

    private static func takeQuoted(_ rest: inout Substring.UnicodeScalarView) -> String? {
        var part = String.UnicodeScalarView()
        rest.removeFirst()
        while let scalar = rest.popFirst() {
            if scalar == "\"" {
                guard rest.first == "\"" else { return String(part) }
                rest.removeFirst()
            }
            part.append(scalar)
        }
        return nil
    }

    private static func takePlain(_ rest: inout Substring.UnicodeScalarView) -> String? {
        func starts(_ scalar: Unicode.Scalar) -> Bool {
            "a"..."z" ~= scalar || "A"..."Z" ~= scalar || scalar == "_" || scalar.value >= 0x80
        }
        let part = rest.prefix { starts($0) || "0"..."9" ~= $0 || $0 == "$" }
        guard let first = part.first, starts(first) else { return nil }
        rest = rest[part.endIndex...]
        var folded = String.UnicodeScalarView()
        for scalar in part {
            folded.append("A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar)
        }
        return String(folded)
    }
}
