/// What a column of an imported file means, whatever its header calls it; raw values are what `--column` takes.
package enum LogicalColumn: String, CaseIterable, Sendable {
    case userID = "user_id"
    case itemID = "item_id"
    case timestamp
    case action
    case sessionID = "session_id"
    case scene
    case category
    case seller
    case available
    case title

    /// Headers that mean this column, best first, as ``normalised(_:)`` spells them.
    var aliases: [String] {
        switch self {
        case .userID: ["userid", "user", "uid", "customerid", "customer", "visitorid", "memberid"]
        case .itemID: ["itemid", "item", "productid", "product", "movieid", "articleid", "sku", "stockcode", "asin"]
        case .timestamp:
            ["timestamp", "occurredat", "time", "ts", "eventtime", "datetime", "createdat", "date", "invoicedate"]
        case .action: ["action", "event", "eventtype", "behavior", "behaviour", "behaviortype", "actiontype"]
        case .sessionID:
            ["sessionid", "session", "usersession", "visitid", "visit", "invoice", "invoiceno", "orderid", "basketid"]
        case .scene: ["scene", "surface", "page", "placement"]
        case .category: ["category", "categoryid", "categorycode", "categoryname", "genre", "genres"]
        case .seller: ["seller", "sellerid", "merchant", "merchantid", "vendor", "vendorid", "brand"]
        case .available: ["available", "isavailable", "instock"]
        case .title: ["title", "name", "itemname", "productname", "description"]
        }
    }

    /// A header without case, underscores, hyphens and spaces: `User ID`, `user_id` and `UserId` are one name.
    static func normalised(_ header: String) -> String {
        header.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
    }
}
