/// Families of gauges as OpenMetrics text, which Prometheus' textfile collector reads too.
///
/// Gauges only: of the other types one or the other reader knows nothing. Source: the OpenMetrics specification, 1.0.
struct OpenMetrics {
    typealias Label = (name: String, value: String)

    private var lines: [String] = []

    /// - Parameters:
    ///   - name: ends with the unit where there is one, and stands once in a file.
    ///   - samples: none where the value is not known.
    mutating func gauge(
        _ name: String, unit: String? = nil, help: String, _ samples: [(labels: [Label], value: Double)]
    ) {
        precondition(unit.map { name.hasSuffix("_" + $0) } ?? true, "the name of a family ends with its unit")
        lines.append("# TYPE \(name) gauge")
        if let unit { lines.append("# UNIT \(name) \(unit)") }
        lines.append("# HELP \(name) \(Self.escaped(help))")
        for (labels, value) in samples {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            lines.append("\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(Self.number(value))")
        }
    }

    mutating func gauge(_ name: String, unit: String? = nil, help: String, _ value: Double?) {
        gauge(name, unit: unit, help: help, value.map { [([], $0)] } ?? [])
    }

    var text: String { (lines + ["# EOF"]).joined(separator: "\n") + "\n" }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
    }

    /// Whole numbers without a fraction, as people expect counts.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }
}
