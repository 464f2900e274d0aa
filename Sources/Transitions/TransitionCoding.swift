/// An occurrence as one number, whose order is that of the tables: latest cluster, older, oldest, next, age class.
///
/// The clusters of the key are numbers plus one, 0 = none. One code stands for the occurrence under keys of all lengths.
struct TransitionCoding: Equatable, Sendable {
    let keyLength: Int
    let clusters: Int
    let clusterBits: Int
    let ageBits: Int

    init(clusters: Int, keyLength: Int, ageClasses: Int) throws(TransitionError) {
        self.keyLength = keyLength
        self.clusters = clusters
        clusterBits = TransitionCoding.bits(clusters)
        ageBits = TransitionCoding.bits(max(0, ageClasses - 1))
        let mostBits = (64 - ageBits) / (keyLength + 1)
        let most = min(TransitionKey.mostClusters, (1 << mostBits) - 1)
        guard clusters <= most else { throw .tooManyClusters(found: clusters, keyLength: keyLength, most: most) }
    }

    var bits: Int { clusterBits * (keyLength + 1) + ageBits }
    var ageMask: UInt64 { (1 << UInt64(ageBits)) - 1 }
    var clusterMask: UInt64 { (1 << UInt64(clusterBits)) - 1 }
    /// Where the latest cluster of the key stands.
    var latestShift: Int { clusterBits * keyLength + ageBits }

    /// How far up the key's `place`-th cluster stands; 0 is the latest.
    func shift(_ place: Int) -> Int { latestShift - place * clusterBits }

    @inline(__always)
    func next(_ code: UInt64) -> Int { Int(code >> UInt64(ageBits) & clusterMask) }
    @inline(__always)
    func age(_ code: UInt64) -> Int { Int(code & ageMask) }
    /// The key's `place`-th cluster plus one; 0 = none.
    @inline(__always)
    func lane(_ code: UInt64, _ place: Int) -> Int { Int(code >> UInt64(shift(place)) & clusterMask) }

    private static func bits(_ largest: Int) -> Int { Int.bitWidth - largest.leadingZeroBitCount }
}
