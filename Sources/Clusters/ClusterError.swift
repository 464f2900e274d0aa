/// Why clusters were not made.
package enum ClusterError: Error, Equatable, CustomStringConvertible {
    case tooManyLabels(found: Int, limit: Int)
    case tooManyClusters(asked: Int, limit: Int)
    case unusable(setting: String, value: String, allowed: String)

    package var description: String {
        switch self {
        case .tooManyLabels(let found, let limit):
            "the column has \(found) different labels, at most \(limit) clusters can be kept; take a coarser column, "
                + "or clusters by meaning"
        case .tooManyClusters(let asked, let limit):
            "the sizes of the prefix make \(asked) clusters, at most \(limit) can be kept; take a smaller first size "
                + "or a shorter prefix"
        case .unusable(let setting, let value, let allowed):
            "\(setting) is \(value), it must be \(allowed); change it in the cluster settings"
        }
    }
}
