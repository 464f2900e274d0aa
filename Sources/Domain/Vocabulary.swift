/// The items that a model knows, row by row in order of popularity, with their side information as dense numbers.
///
/// Popular first makes short codes for rows in payloads. Category, seller and scene 0 stand for "none given".
package struct Vocabulary: Sendable {
    package let itemType: IDType
    package let items: [ExternalID]
    /// `[items]`: the row of each item's category in ``categories``.
    package let category: [Int32]
    /// `[items]`: the row of each item's seller in ``sellers``.
    package let seller: [Int32]
    package let categories: [String]
    package let sellers: [String]
    package let scenes: [String]

    private let rows: [ExternalID: Int32]
    /// By bytes, as the source tells names apart, and not by what reads alike.
    private let sceneRows: [ExternalID: Int32]

    package init(
        itemType: IDType, items: [ExternalID], category: [Int32], seller: [Int32], categories: [String],
        sellers: [String], scenes: [String]
    ) {
        precondition(items.count == category.count && items.count == seller.count, "side information is per item")
        precondition(!categories.isEmpty && !sellers.isEmpty && !scenes.isEmpty, "row 0 stands for none")
        self.itemType = itemType
        self.items = items
        self.category = category
        self.seller = seller
        self.categories = categories
        self.sellers = sellers
        self.scenes = scenes
        rows = Dictionary(zip(items, 0..<Int32(items.count)), uniquingKeysWith: { first, _ in first })
        sceneRows = Dictionary(
            zip(scenes.map { .text($0) }, 0..<Int32(scenes.count)), uniquingKeysWith: { first, _ in first })
    }

    package var count: Int { items.count }

    /// The row of an item; nil for one that the model has never seen.
    package func row(of item: ExternalID) -> Int32? { rows[item] }

    /// The row of a scene; one that the model has never seen counts as none given.
    package func scene(_ name: String?) -> Int32 { name.flatMap { sceneRows[.text($0)] } ?? 0 }
}
