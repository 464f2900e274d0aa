/// The tables of a release that are loaded on their own and attached when they are whole.
enum Leaf: CaseIterable {
    case candidate, overlay, transition, item

    var parent: String {
        switch self {
        case .candidate: "nearline.candidate"
        case .overlay: "nearline.overlay"
        case .transition: "nearline.transition"
        case .item: "nearline.release_item"
        }
    }

    /// What no two rows of a leaf share; the first is its primary key.
    var keys: [String] {
        switch self {
        case .candidate, .overlay: ["user_id"]
        case .transition: ["key"]
        case .item: ["item_row", "item_id"]
        }
    }

    /// Of transition keys `t` those that two clusters at most and no scene make: what can be told by the names of both.
    ///
    /// By inequalities: of equalities of an expression PostgreSQL expects hardly a row, and then joins in nested loops.
    static let keysOfTwo = "t.key >> 48 < 1 AND t.key & 4294901760 < 1"

    func name(_ release: Int) -> String { "\(parent)_r\(release)" }
}
