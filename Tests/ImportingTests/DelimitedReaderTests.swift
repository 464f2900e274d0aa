import Testing

import Importing

@Suite struct DelimitedReaderTests {
    /// Every record of a file as text fields; a fault is a record of its reason in angle brackets.
    private func records(at path: String) throws -> [[String]] {
        let reader = try DelimitedReader(path: path)
        var all = [reader.header]
        while try reader.next() {
            if let fault = reader.fault {
                all.append(["<\(fault.rawValue)>"])
            } else {
                all.append((0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) })
            }
        }
        return all
    }

    private func records(of text: String) throws -> [[String]] {
        try TemporaryFile.holding(text) { try records(at: $0) }
    }

    private func records(of bytes: [UInt8]) throws -> [[String]] {
        try TemporaryFile.holding(bytes) { try records(at: $0) }
    }

    /// How reading a file of these bytes fails, with its path.
    private func failure(of bytes: some Sequence<UInt8>) -> (error: ImportError?, path: String) {
        TemporaryFile.holding(bytes) { path in
            (#expect(throws: ImportError.self) { try records(at: path) }, path)
        }
    }

    @Test(arguments: [
        "a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r\n1,2\r\n3,4\r", "\u{FEFF}a,b\n1,2\n3,4\n",
        "a\tb\n1\t2\n3\t4\n", "a;b\n1;2\n3;4\n", "\n\r\n a , b\n\n1,2\n\r\n3,4\n\n", "\"a\",\"b\"\n\"1\",2\r\n3,\"4\"",
        "\u{FEFF}\"a\",b\r\n\"1\",\"2\"\r\n3,\"4\"\r\n", "\"a\",b\n1,2\n3,\"4\"\r",
    ])
    func everyUsualSpellingOfATableGivesTheSameRecords(text: String) throws {
        #expect(try records(of: text) == [["a", "b"], ["1", "2"], ["3", "4"]])
    }

    @Test func quotedFieldsHoldDelimitersNewlinesAndDoubledQuotes() throws {
        let text = "a,b,c\n\"x,y\",\"one\ntwo\r\nthree\",\"5\"\" by \"\"6\"\"\"\n,\"\",\"\"\"\"\n"
        #expect(
            try records(of: text) == [
                ["a", "b", "c"], ["x,y", "one\ntwo\r\nthree", "5\" by \"6\""], ["", "", "\""],
            ])
    }

    @Test func aQuoteInsideAnUnquotedFieldIsACharacter() throws {
        #expect(try records(of: "a\tb\nTV 32\"\t1\n") == [["a", "b"], ["TV 32\"", "1"]])
    }

    @Test func theDelimiterIsTheOneTheHeaderHasMostOfOutsideQuotes() throws {
        #expect(try records(of: "\"x,y,z\"\tb\n1,5\t2\n") == [["x,y,z", "b"], ["1,5", "2"]])
        #expect(try records(of: "only\n1\n") == [["only"], ["1"]])
    }

    @Test func aStrayQuoteCostsItsOwnLineOnly() throws {
        let text = "a,b\n1,2\n\"3,4\n5,6\n\"7\"x,8\n9,10\n\"11,12\n"
        #expect(
            try records(of: text) == [
                ["a", "b"], ["1", "2"], ["<broken_quote>"], ["5", "6"], ["<broken_quote>"], ["9", "10"],
                ["<broken_quote>"],
            ])
    }

    @Test func lineNumbersAreThoseOfAnEditor() throws {
        let lines = try TemporaryFile.holding("\na,b\n1,2\n\n\"x\ny\",3\n\"oops,4\n5,6") { path in
            let reader = try DelimitedReader(path: path)
            var lines = [reader.line]
            while try reader.next() { lines.append(reader.line) }
            return lines
        }
        #expect(lines == [2, 3, 5, 7, 8])
    }

    @Test func aWrongNumberOfFieldsIsLeftToTheCaller() throws {
        #expect(try records(of: "a,b\n1\n1,2,3\n") == [["a", "b"], ["1"], ["1", "2", "3"]])
    }

    @Test func theLongestRecordIsReadAndOneByteMoreIsNot() throws {
        let longest = String(repeating: "x", count: DelimitedReader.longestRecord - 2)
        let found = try records(of: "a,b\n\(longest),1\n\(longest)x,1\n\"\(longest)\",1\n3,4\n")
        #expect(found.map(\.count) == [2, 2, 1, 1, 2])
        #expect(found[1] == [longest, "1"])
        #expect(found[2] == ["<overlong_line>"])
        #expect(found[3] == ["<overlong_line>"])
        #expect(found[4] == ["3", "4"])
    }

    @Test func aLineLongerThanTheBufferIsPassedOver() throws {
        let endless = String(repeating: "x", count: 5 << 20)
        #expect(try records(of: "a,b\n\(endless)\n3,4\n") == [["a", "b"], ["<overlong_line>"], ["3", "4"]])
        #expect(try records(of: "a,b\n3,4\n\(endless)") == [["a", "b"], ["3", "4"], ["<overlong_line>"]])
    }

    @Test func recordsAcrossBufferEndsAreWhole() throws {
        // 3 MiB in records of changing length, quoted ones among them, so that many meet the ends of a 2 MiB buffer.
        var text = "a,b\r\n"
        var expected: [[String]] = [["a", "b"]]
        for row in 0..<30_000 {
            let filler = String(repeating: "f", count: row * 7 % 181)
            text += row % 3 == 0 ? "\(row),\"\(filler)\"\"\n\"\r\n" : "\(row),\(filler)\r\n"
            expected.append([String(row), row % 3 == 0 ? filler + "\"\n" : filler])
        }
        #expect(try records(of: text) == expected)
        #expect(try records(of: Gzip.pack(Array(text.utf8))) == expected)
    }

    @Test func membersOfAGzipFileAreReadOneAfterAnother() throws {
        let packed = Gzip.pack(Array("a,b\n1,".utf8)) + Gzip.pack(Array("2\n".utf8))
        #expect(try records(of: packed) == [["a", "b"], ["1", "2"]])
    }

    @Test func aCutGzipFileIsAnErrorThatNamesIt() throws {
        let packed = Gzip.pack(Array("a,b\n1,2\n".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 100))
        for lost in [1, 8, 40] {
            let (error, path) = failure(of: packed.dropLast(lost))
            #expect(error == .corruptGzip(path: path, reason: "it ends too early"))
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test func aDamagedGzipFileIsAnError() throws {
        var packed = Gzip.pack(Array("a,b\n1,2\n".utf8))
        packed[packed.count - 6] ^= 1
        let (error, path) = failure(of: packed)
        #expect(error == .corruptGzip(path: path, reason: "incorrect data check"))
    }

    @Test func whatIsNotAFileToReadIsNamed() throws {
        #expect(throws: ImportError.missingFile(path: "/nowhere/events.csv")) { try records(at: "/nowhere/events.csv") }
        let error = #expect(throws: ImportError.self) { try records(at: "/") }
        #expect(error?.description == "/ cannot be read: it is a directory; name a file in it")
    }

    @Test(arguments: ["", "\n\r\n", "\u{FEFF}"])
    func aFileWithoutAHeaderIsEmpty(text: String) throws {
        let (error, path) = failure(of: text.utf8)
        #expect(error == .emptyFile(path: path))
    }

    @Test func aHeaderThatIsNoTextIsRefused() throws {
        let utf16 = failure(of: [0xFF, 0xFE, 0x61, 0, 0x2C, 0, 0x62, 0, 0x0A, 0])
        #expect(utf16.error == .notUTF8(path: utf16.path))
        let broken = failure(of: "\"a,b\n1,2\n".utf8)
        #expect(broken.error == .brokenHeader(path: broken.path))
    }

    @Test func aHeaderHasUpToTheMostColumns() throws {
        let widest = String(repeating: ",", count: DelimitedReader.mostColumns - 1)
        #expect(try records(of: widest + "\n")[0].count == 1600)
        let wider = failure(of: "\(widest),\n".utf8)
        #expect(wider.error == .tooManyColumns(path: wider.path, found: 1601, allowed: 1600))
    }

    @Test func theFractionReadGrowsToOne() throws {
        try TemporaryFile.holding("a,b\n1,2\n") { path in
            let reader = try DelimitedReader(path: path)
            while try reader.next() {}
            #expect(reader.fractionRead == 1)
        }
    }
}
