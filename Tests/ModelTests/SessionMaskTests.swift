import Domain
import Model
import Testing

/// Who sees whom: earlier sessions, the own context token, oneself. Items of a session have no order.
@Suite struct SessionMaskTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func shufflingTheItemsOfASessionChangesNoContextStateForSeed(_ seed: UInt64) {
        let model = DrawnModel(seed: seed % 3), history = drawnHistory(seed: seed)
        let other = shuffled(history, seed: seed)
        #expect(history.rows != other.rows)
        let before = model.rows([history]).contexts
        #expect(difference(before, model.rows([other]).contexts) < 1e-5)
        #expect(difference(before, before.map { $0.map { $0 + 1 } }) > 0.5, "the measure measures")
    }

    @Test func shufflingChangesNothingAcrossTheBordersOfTilesEither() {
        let model = DrawnModel(), history = drawnHistory(seed: 99, sessions: 80, longest: 150)
        #expect(history.sessions.count > 64 && history.sessions.contains { $0.items > 128 })
        let before = model.rows([history]).contexts, after = model.rows([shuffled(history, seed: 1)]).contexts
        let scale = before.joined().map { abs($0) }.max()!
        #expect(difference(before, after) < 1e-5 * scale)
    }

    @Test func movingAnItemToAnotherSessionDoesChangeStates() {
        let model = DrawnModel(), history = drawnHistory(seed: 5)
        var moved = history
        moved.sessions[1].items += 1
        moved.sessions[2].items -= 1
        #expect(difference(model.rows([history]).contexts, model.rows([moved]).contexts) > 1e-3)
    }

    /// One item's embedding is changed: what sees it moves, what does not see it stays to the bit.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func anItemIsSeenByItselfAndByLaterSessionsOnlyForSeed(_ seed: UInt64) {
        // The changed item is the only one of its row.
        var history = drawnHistory(seed: seed, sessions: 5, longest: 5)
        history.rows = history.rows.map { $0 % 39 }
        let place = history.rows.count / 2
        history.rows[place] = 39
        let before = DrawnModel(seed: seed).rows([history])
        let after = DrawnModel(seed: seed) { items, width in items[39 * width] += 1 }.rows([history])
        let session = before.batch.contextOfRow[before.batch.contexts + place]
        for context in 0..<before.batch.contexts {
            let moved = difference(before.contexts[context], after.contexts[context])
            #expect(Int32(context) > session ? moved > 1e-6 : moved == 0, "context \(context) of session \(session)")
        }
        for item in 0..<before.batch.items {
            let moved = difference(before.items[item], after.items[item])
            let itsSession = before.batch.contextOfRow[before.batch.contexts + item]
            if item == place || itsSession > session {
                #expect(moved > 1e-6, "item \(item) of session \(itsSession)")
            } else {
                #expect(moved == 0, "item \(item) of session \(itsSession)")
            }
        }
    }

    @Test func aSessionSeesNothingOfTheFuture() {
        let model = DrawnModel(), history = drawnHistory(seed: 11, sessions: 7)
        let whole = model.rows([history]).contexts
        for count in 1...6 {
            let part = model.rows([history.prefix(count)]).contexts
            #expect(difference(part, Array(whole[..<count])) < 1e-5)
        }
    }

    @Test func usersSeeNothingOfEachOther() {
        let model = DrawnModel()
        let first = drawnHistory(seed: 1), second = drawnHistory(seed: 2), third = drawnHistory(seed: 3)
        let together = model.rows([first, second]).contexts, others = model.rows([first, third]).contexts
        #expect(difference(Array(together[..<6]), Array(others[..<6])) < 1e-6)
        #expect(difference(Array(together[6...]), Array(others[6...])) > 1e-3)
    }
}
