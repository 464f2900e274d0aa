import Domain
import Foundation
import Testing

/// `kill -9` at moments drawn from a seed: the next run goes on or begins anew, to the same bytes.
@Suite struct KillTests {
    @Test func aKilledTrainingGoesOnToTheSameBytes() throws {
        let shop = try Shop.imported()
        let training = ["train", "--as-of", Shop.asOf, "--epochs", "60", "--patience", "0", "--again"]
        let undisturbed = try shop.commands.run(training)
        try #require(undisturbed.code == 0, "\(undisturbed.errors)")
        #expect(!undisturbed.output.contains("went on"))

        let elsewhere = ["NEARLINE_MODELS": "\(shop.folder)/killed"]
        var draw = SeededGenerator(seed: 5)
        for round in 0..<5 {
            let running = try shop.commands.start(training, with: elsewhere)
            try waitUntil("an epoch") {
                let isBooked = try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'train'") == round + 2
                let files = try shop.files(in: "killed")
                // While it rehearses, then in the training itself.
                let wanted = round < 2 ? ".rehearsal.checkpoint.safetensors" : "[^l].checkpoint.safetensors"
                let isThere = files.contains { $0.range(of: wanted + "$", options: .regularExpression) != nil }
                return !running.isRunning || (isBooked && isThere)
            }
            usleep(UInt32(draw.below(60_000)))
            running.send(SIGKILL)
            try #require(try running.wait().code == 137, "it ended before it was killed: give it more epochs")
            try shop.awaitEndOfSessions()
        }
        let last = try shop.commands.run(training, with: elsewhere)
        #expect(last.code == 0, "\(last.errors)")
        #expect(last.output.contains("went on after epoch "), "\(last.output)")
        #expect(try shop.bytes(of: shop.modelFile(in: "killed")) == shop.bytes(of: shop.modelFile()))
        let left = try shop.files(in: "killed")
        #expect(left.count == 1, "\(left)")
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE state = 'lost'") == 5)
    }

    @Test func theSameTrainingTwiceWritesTheSameBytes() throws {
        let shop = try Shop.imported()
        for folder in ["a", "b", "c"] {
            try shop.succeed(
                "train", "--as-of", Shop.asOf, "--epochs", "20", "--again", "--models", "\(shop.folder)/\(folder)")
        }
        let first = try shop.bytes(of: shop.modelFile(in: "a"))
        #expect(try shop.bytes(of: shop.modelFile(in: "b")) == first)
        #expect(try shop.bytes(of: shop.modelFile(in: "c")) == first)
    }

    /// A checkpoint of other settings, or one that a full disk cut off, is not gone on from.
    @Test func aDamagedCheckpointCountsAsNone() throws {
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Shop.asOf)
        let whole = try shop.bytes(of: shop.modelFile())
        let checkpoint = try shop.modelFile().replacing(".safetensors", with: ".checkpoint.safetensors")
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: checkpoint))
        let again = try shop.succeed("train", "--as-of", Shop.asOf, "--again")
        #expect(!again.contains("went on"), "\(again)")
        #expect(try shop.bytes(of: shop.modelFile()) == whole)
    }

    @Test func aKilledPrecomputeIsGoneOnWithToTheSameLists() throws {
        let shop = try Shop.published()
        let before = try served(shop), whole = try shop.payloads(ofRelease: 1)
        let precompute = ["precompute", "--as-of", Shop.asOf, "--again"]
        let length = try ContinuousClock().measure {
            try #require(try shop.commands.run(precompute + ["--no-publish"]).code == 0)
        }
        var draw = SeededGenerator(seed: 7), killed = 0
        for _ in 0..<10 {
            let running = try shop.commands.start(precompute)
            usleep(UInt32(draw.uniform() * Double(length / .microseconds(1))))
            running.send(SIGKILL)
            killed += try running.wait().code == 137 ? 1 : 0
            try shop.awaitEndOfSessions()
            #expect(try served(shop) == before)
        }
        #expect(killed >= 5, "of 10 runs only \(killed) were killed in time")
        try recover(shop, whole)
    }

    /// The moment at which all the tables of a release are there and none is attached.
    @Test func aPrecomputeKilledBeforeItsTablesAreAttachedIsGoneOnWith() throws {
        let shop = try Shop.published()
        let before = try shop.served(), whole = try shop.payloads(ofRelease: 1)
        try shop.holding("nearline.fallback") {
            let running = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"])
            try shop.awaitLockWait(of: "precompute")
            running.send(SIGKILL)
            #expect(try running.wait().code == 137)
        }
        try shop.awaitEndOfSessions()
        #expect(
            try shop.strayTables().sorted() == ["candidate_r2", "overlay_r2", "release_item_r2", "transition_r2"],
            "the kill was not in the middle")
        #expect(try shop.served() == before)
        try recover(shop, whole)
        #expect(try shop.currentRelease() == 2)
    }

    /// A kill after the publication leaves the new release: the same lists under another number.
    private func served(_ shop: Shop) throws -> String {
        try shop.served().replacing(#/"release":\d+|^\d+/#, with: "")
    }

    private func recover(_ shop: Shop, _ whole: String, at location: SourceLocation = #_sourceLocation) throws {
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", at: location)
        #expect(try shop.strayTables().isEmpty, sourceLocation: location)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0,
            sourceLocation: location)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.run WHERE state = 'running'") == 0, sourceLocation: location)
        #expect(try shop.payloads(ofRelease: shop.currentRelease()) == whole, sourceLocation: location)
    }

    @Test func aKilledImportLeavesNothingHalfImported() throws {
        let shop = try Shop.imported()
        let events = try shop.number("SELECT count(*) FROM shop.events")
        let length = try ContinuousClock().measure {
            try shop.succeed("import", "events.csv", "items.csv", "--into", "whole")
        }
        var draw = SeededGenerator(seed: 9)
        for round in 0..<6 {
            let running = try shop.commands.start(["import", "events.csv", "items.csv", "--into", "b\(round)"])
            usleep(UInt32(draw.uniform() * Double(length / .microseconds(1))))
            running.send(SIGKILL)
            _ = try running.wait()
            try shop.awaitEndOfSessions()
            let isThere = try shop.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'b\(round)'") == 1
            for table in ["events", "items"] where isThere {
                #expect(
                    try shop.number("SELECT count(*) FROM b\(round).\(table)")
                        == shop.number("SELECT count(*) FROM whole.\(table)"))
            }
            try shop.succeed("import", "events.csv", "items.csv", "--into", "b\(round)")
            #expect(try shop.number("SELECT count(*) FROM b\(round).events") == events)
        }
    }

    /// Its rows are committed, its end is not yet written: what only counts rows for the planner waits in between.
    @Test(arguments: [SIGKILL, SIGTERM]) func anImportEndedAfterItsRowsWereStoredIsNotRepeated(_ signal: Int32) throws {
        let shop = try Shop.imported()
        try shop.write("user_id,item_id,timestamp\n1,2,2025-01-01\n", to: "more.csv")
        try shop.holding("shop.events", in: "SHARE UPDATE EXCLUSIVE") {
            let running = try shop.commands.start(["import", "more.csv"])
            try shop.awaitLockWait(of: "import")
            running.send(signal)
            #expect(try running.wait(seconds: 10).code == 128 + signal)
        }
        try shop.awaitEndOfSessions()
        #expect(try shop.number("SELECT count(*) FROM shop.events WHERE user_id = 1") == 1, "it was not yet stored")
        #expect(try shop.succeed("import", "more.csv").contains("nothing to do"))
        #expect(try shop.number("SELECT count(*) FROM shop.events WHERE user_id = 1") == 1)
    }

    /// Killed for certain between the first row and the last: the rest of the file has not come yet.
    @Test func anImportKilledInTheMiddleOfItsRowsLeavesNoTable() throws {
        let shop = try Shop.imported()
        let pipe = Pipe()
        let running = try shop.commands.start(["import", "-", "--into", "b"], input: pipe.fileHandleForReading)
        try pipe.fileHandleForReading.close()
        // More than any buffer on the way holds.
        var rows = "user_id,item_id,timestamp\n"
        for i in 0..<100_000 { rows += "user \(i),item \(i % 7),2025-01-01\n" }
        try pipe.fileHandleForWriting.write(contentsOf: Data(rows.utf8))
        try waitUntil("the import to copy") {
            try shop.number(
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND application_name LIKE 'nearline import%' AND query LIKE 'COPY%'
                """) > 0
        }
        running.send(SIGKILL)
        #expect(try running.wait().code == 137)
        try pipe.fileHandleForWriting.close()
        try shop.awaitEndOfSessions()
        #expect(try shop.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'b'") == 0)
        try shop.succeed("import", "events.csv", "items.csv", "--into", "b")
        #expect(try shop.number("SELECT count(*) FROM b.events") == shop.number("SELECT count(*) FROM shop.events"))
        #expect(try shop.text("SELECT state AS text FROM nearline.run WHERE run = 2") == "lost")
    }
}
