/// Why a shop could not be simulated or written.
package enum SimulationError: Error, Equatable, Sendable {
    case badSetting(name: String, value: Int, allowed: ClosedRange<Int>)
    case notWritten(path: String, reason: String)
}

extension SimulationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badSetting(let name, let value, let allowed):
            "a simulated shop cannot have \(value) \(name); give \(allowed.lowerBound) to \(allowed.upperBound)"
        case .notWritten(let path, let reason):
            "\(path) was not written: \(reason)"
        }
    }
}
