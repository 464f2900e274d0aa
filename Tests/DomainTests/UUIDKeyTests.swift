import Domain
import Testing

@Suite struct UUIDKeyTests {
    @Test func theTextFormComesBackInLowerCase() throws {
        let key = try #require(UUIDKey("00112233-4455-6677-8899-AABBCCDDEEFF"))
        #expect(key == UUIDKey(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff))
        #expect(key.description == "00112233-4455-6677-8899-aabbccddeeff")
    }

    @Test func zerosInFrontAreKept() {
        #expect(UUIDKey(high: 0, low: 1).description == "00000000-0000-0000-0000-000000000001")
    }

    @Test(arguments: [
        "", "00112233-4455-6677-8899-aabbccddeef", "00112233_4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233445566778899aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff}",
        "00112233-4455-6677-8899-aabbccddeefg", "0011223-34455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeeff-", "00112233-4455-6677-8899-aabbccddeef\u{ff10}",
    ])
    func anythingElseIsRefused(_ text: String) { #expect(UUIDKey(text) == nil) }
}
