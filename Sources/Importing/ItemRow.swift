import Domain

/// One item of a file, ready for the items table.
package struct ItemRow: Equatable, Sendable {
    package var item: ExternalID
    package var category: String?
    package var seller: String?
    package var available: Bool
    package var title: String?

    package init(item: ExternalID, category: String?, seller: String?, available: Bool, title: String?) {
        self.item = item
        self.category = category
        self.seller = seller
        self.available = available
        self.title = title
    }
}
