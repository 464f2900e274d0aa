import Domain
import Glibc
import NearlineClient
import Postgres
import ResultCodec
import Snapshots

/// Loads one release three times (tables, snapshot, LMDB) and measures lookups in each, variants taking turns.
struct LookupFigures {
    private let users: Int
    private let rounds: Int
    private let isPinned: Bool

    init(_ arguments: some Collection<String>) throws {
        let numbers = arguments.compactMap { Int($0) }
        users = numbers.first ?? 500_000
        rounds = numbers.dropFirst().first ?? 9
        isPinned = arguments.contains("pin")
        guard users > 0, rounds > 0 else { throw FiguresError.badArguments }
    }

    func run() throws {
        let lists = DrawnLists(users: users)
        let loaded = try LoadedFigures(lists)
        print("\(users) users x \(DrawnLists.length) candidates, \(rounds) rounds,", isPinned ? "pinned" : "not pinned")
        print("\n| bytes per user | all in | beside the payload |\n| --- | ---: | ---: |")
        let payload = Double(loaded.payloadBytes) / Double(users)
        print("| payload | \(text(payload)) | |")
        for (name, bytes) in loaded.sizes {
            let perUser = Double(bytes) / Double(users)
            print("| \(name) | \(text(perUser)) | \(text(perUser - payload)) |")
        }
        try StatementFigures(loaded, rounds: rounds, isPinned: isPinned).print()
        try FileFigures(loaded, rounds: rounds).print()
    }
}

enum FiguresError: Error, CustomStringConvertible {
    case badArguments
    case noLMDB(String)
    case wrongAnswer(String)

    var description: String {
        switch self {
        case .badArguments: "users and rounds must be positive"
        case .noLMDB(let what): "LMDB: \(what)"
        case .wrongAnswer(let what): "a wrong answer from \(what)"
        }
    }
}

/// With `digits` behind the point.
func text(_ value: Double, digits: Int = 1) -> String {
    let scale = pow(10.0, Double(digits))
    let whole = Int((value * scale).rounded())
    let fraction = String(abs(whole) % Int(scale))
    let sign = whole < 0 ? "-" : ""
    return "\(sign)\(abs(whole) / Int(scale))."
        + String(repeating: "0", count: digits - fraction.count) + fraction
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Nanoseconds of a clock that never goes back, or of the time that this thread has run.
func nanoseconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
