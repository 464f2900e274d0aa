/// What a seeded generator is for: each purpose draws from a stream of its own, so none disturbs another.
enum Stream {
    static let catalogue: UInt64 = 1
    static let transitions: UInt64 = 2
    static let user: UInt64 = 3
}
