import Postgres
import TestSupport
import Testing

@Suite struct QuoteTests {
    @Test(arguments: [
        ("events", "\"events\""), ("shop.events", "\"shop\".\"events\""), ("Shop.Events", "\"shop\".\"events\""),
        ("\"Shop\".Events", "\"Shop\".\"events\""), ("\"a.b\".\"c\"\"d\"", "\"a.b\".\"c\"\"d\""),
        ("_x$1", "\"_x$1\""), ("größe", "\"größe\""), ("\"; drop\"", "\"; drop\""),
        (String(repeating: "a", count: 63), "\"" + String(repeating: "a", count: 63) + "\""),
    ])
    func aRelationIsReadAsPostgresReadsIt(_ name: String, _ quoted: String) { #expect(Quote.relation(name) == quoted) }

    @Test(arguments: [
        "", ".", "a.", ".a", "a..b", "a.b.c", "a b", " a", "1a", "a-b", "a;b", "\"", "\"a", "\"\"", "\"a\"b", "a\"b\"",
        "a\0b", "\"a\0b\"", "$a", "(select 1)", String(repeating: "a", count: 64),
    ])
    func anInvalidRelationIsNil(_ name: String) { #expect(Quote.relation(name) == nil) }

    @Test(arguments: ["plain", "Upper", "with space", "a\"b", "\"\"", "a\"\u{301}b", "'; --", "select", "a.b"])
    func theServerGivesAQuotedIdentifierBackUnchanged(_ name: String) throws {
        let database = try TestDatabase()
        try database.connection.execute("CREATE TABLE \(Quote.identifier(name)) (n int)", doing: "creating")
        let rows = try database.connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'",
            [.text(database.schema)], doing: "reading")
        #expect(try rows.map { Array(try $0.string("relname").utf8) } == [Array(name.utf8)])
    }
}
