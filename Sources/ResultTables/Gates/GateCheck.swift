import Postgres

/// One release under check, beside the current one; the gates are its extensions.
struct GateCheck {
    let bounds: GateBounds
    let source: GateSource
    let connection: Connection
    let release: ReleaseRow
    let current: ReleaseRow?

    /// - Parameter comparing: false for a release of a past day, which nobody holds against today's.
    init(
        _ number: Int, comparing: Bool, bounds: GateBounds, source: GateSource, on connection: Connection
    ) throws {
        self.bounds = bounds
        self.source = source
        self.connection = connection
        let catalogue = ReleaseCatalogue(connection)
        release = try catalogue.release(number)
        current = comparing ? try catalogue.current() : nil
        guard ["validated", "superseded", "rolled_back"].contains(release.state) else {
            throw ReleaseError.notBuilt(release: number, state: release.state)
        }
        guard !release.isPruned else { throw ReleaseError.pruned(release: number) }
    }

    /// All gates that only read.
    func readings() throws -> [GateFinding] {
        let lists = try lists()
        return [try rows(), users(), size(lists.own)] + (try judged(lists))
            + [try overlap(), try recall(), try transitions()]
    }

    /// The release under check and the current one, for a query that shows both.
    var numbers: String {
        ([current?.release].compactMap { $0 } + [release.release]).map { "\($0)" }.joined(separator: ", ")
    }

    func table(_ leaf: Leaf) -> String { leaf.name(release.release) }

    func finding(_ gate: Gate, _ passed: Bool, _ figure: String, bound: String, query: String) -> GateFinding {
        GateFinding(gate: gate, passed: passed, figure: figure, bound: bound, query: query)
    }
}
