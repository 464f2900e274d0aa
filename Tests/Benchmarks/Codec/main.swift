import Glibc
import Domain
import ResultCodec

func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var t = timespec(); clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
    }
    var best = Double.infinity
    for _ in 0..<60 {
        let t = now()
        try body()
        best = min(best, now() - t)
    }
    return best
}
func normalised(_ l: [Candidate]) -> [Candidate] {
    l.map { Candidate(row: $0.row, score: Float(Float16($0.score)), source: $0.source) }
}
var sets = DrawnSets(seed: 1)
let n = 1000
if CommandLine.arguments.count > 1 {
    let lists = sets.independent(500)
    var e = PayloadEncoder(); var out: [UInt8] = []; var list: [Candidate] = []
    let payloads = try lists.map { try e.encode($0) }
    for _ in 0..<2000 {
        if CommandLine.arguments[1] == "e" {
            for l in lists { try e.encode(l, into: &out) }
        } else {
            for p in payloads { try PayloadDecoder.decode(p, into: &list) }
        }
    }
    exit(0)
}
for (name, lists) in [("Z", sets.independent(n)), ("D", sets.defaults(n))] {
    var encoder = PayloadEncoder()
    var payloads: [[UInt8]] = []
    for l in lists { payloads.append(try encoder.encode(l)) }
    print(
        name, "bytes", Double(payloads.reduce(0) { $0 + $1.count }) / Double(n),
        PayloadCodec.allCases.map { encoder.wins(of: $0) })
    for (l, p) in zip(lists, payloads) { let back = try PayloadDecoder.decode(p); precondition(back == normalised(l)) }
    for c in [PayloadCodec.planes, .packed, .compressedPlanes, .bands] {
        var t = 0
        for l in lists.prefix(1000) { t += try PayloadEncoder.encode(l, codec: c).count }
        print(" ", c, Double(t) / 1000)
    }
    var e = PayloadEncoder(); var out: [UInt8] = []
    let te = try seconds { for l in lists { try e.encode(l, into: &out) } }
    let tb = try seconds { for l in lists { try e.encode(l, codec: .bands, into: &out) } }
    var list: [Candidate] = []
    let td = try seconds { for p in payloads { try PayloadDecoder.decode(p, into: &list) } }
    print("  encode \(te / Double(n) * 1e6) us, bands only \(tb / Double(n) * 1e6), decode \(td / Double(n) * 1e6) us")
}
