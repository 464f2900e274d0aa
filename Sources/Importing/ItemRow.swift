import Domain

/// One item of a file, ready for the items table.
package struct ItemRow: Equatable, Sendable {
    package var item: ExternalID
    package var category: String?
    package var seller: String?
    package var available: Bool
    package var title: String?
}
