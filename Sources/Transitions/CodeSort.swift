/// Sorts codes by their bytes, lowest first (radix sort): a few sequential passes, whatever their order was.
enum CodeSort {
    private static let digitBits = 11

    /// - Parameters:
    ///   - codes: sorted in place.
    ///   - scratch: as long.
    ///   - bits: all above are 0.
    static func sort(
        _ codes: UnsafeMutableBufferPointer<UInt64>, scratch: UnsafeMutableBufferPointer<UInt64>, bits: Int
    ) {
        precondition(scratch.count >= codes.count, "the scratch space is as long as the codes")
        let digits = max(1, (bits + digitBits - 1) / digitBits)
        // Digits of equal width, so that no pass has many more places to write to than another.
        let width = max(1, (bits + digits - 1) / digits), places = 1 << width
        let counts = histograms(codes, digits: digits, width: width)
        var from = codes, to = UnsafeMutableBufferPointer(rebasing: scratch[0..<codes.count])
        for digit in 0..<digits {
            let shift = UInt64(digit * width), mask = UInt64(places - 1)
            var starts = [Int](repeating: 0, count: places), sum = 0, fullest = 0
            for place in 0..<places {
                starts[place] = sum
                sum += counts[digit * places + place]
                fullest = max(fullest, counts[digit * places + place])
            }
            guard fullest < codes.count else { continue }
            starts.withUnsafeMutableBufferPointer { starts in
                for code in from {
                    let place = Int(truncatingIfNeeded: code &>> shift & mask)
                    to[starts[place]] = code
                    starts[place] &+= 1
                }
            }
            swap(&from, &to)
        }
        if from.baseAddress != codes.baseAddress { _ = codes.update(fromContentsOf: from) }
    }

    private static func histograms(_ codes: UnsafeMutableBufferPointer<UInt64>, digits: Int, width: Int) -> [Int] {
        let places = 1 << width, mask = UInt64(places - 1)
        var counts = [Int](repeating: 0, count: digits * places)
        counts.withUnsafeMutableBufferPointer { counts in
            for code in codes {
                var rest = code
                for digit in 0..<digits {
                    counts[digit &* places &+ Int(truncatingIfNeeded: rest & mask)] &+= 1
                    rest &>>= UInt64(width)
                }
            }
        }
        return counts
    }

    /// Leaves each code of a sorted run once, with how often it was there; returns how many are left.
    static func fold(_ codes: UnsafeMutableBufferPointer<UInt64>, counts: UnsafeMutableBufferPointer<UInt32>) -> Int {
        guard let first = codes.first else { return 0 }
        var place = 0, count: UInt32 = 0, current = first
        for code in codes {
            if code != current {
                codes[place] = current
                counts[place] = count
                place += 1
                current = code
                count = 0
            }
            count += 1
        }
        codes[place] = current
        counts[place] = count
        return place + 1
    }
}
