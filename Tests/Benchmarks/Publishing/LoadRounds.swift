/// The times of all rounds, and what they say.
struct LoadRounds {
    let users: Int
    let bytesPerUser: Double
    private var bare: [LoadTimes] = []
    private var release: [LoadTimes] = []

    init(users: Int, bytesPerUser: Double) {
        self.users = users
        self.bytesPerUser = bytesPerUser
    }

    mutating func add(bare times: LoadTimes) { bare.append(times) }
    mutating func add(release times: LoadTimes) { release.append(times) }

    func reportRound() {
        guard let bare = bare.last, let release = release.last else { return }
        print(
            "round \(self.bare.count): bare COPY \(bare.copy.text(2)) s, whole \(bare.whole.text(2)) s",
            "(dictionary \(bare.dictionary.text(2)) s); release COPY \(release.copy.text(2)) s,",
            "whole \(release.whole.text(2)) s; ratio \((bare.copy / release.copy).text(2))",
            "and \((bare.whole / release.whole).text(2))")
    }

    func report() {
        print("medians of \(bare.count) rounds, \(users) users, \(bytesPerUser.text(1)) bytes a row of COPY:")
        row("bare COPY", bare.map(\.copy).median)
        row("release COPY: encode, ledger", release.map(\.copy).median)
        row("bare whole: keys, VACUUM, items", bare.map(\.whole).median)
        row("release whole: .. and attached", release.map(\.whole).median)
        work("bare COPY", bare)
        work("release COPY", release)
        print("ratio of medians: COPY \(ratio(\.copy).text(3)), whole \(ratio(\.whole).text(3))")
    }

    private func ratio(_ part: (LoadTimes) -> Double) -> Double {
        bare.map(part).median / release.map(part).median
    }

    /// Processor time for each user: where both cores are free, the larger of the two is the wall time.
    private func work(_ name: String, _ times: [LoadTimes]) {
        let each = 1e6 / Double(users)
        print(
            "  \(name): client \((times.map(\.copyWork.client).median * each).text(2)) us,",
            "server \((times.map(\.copyWork.server).median * each).text(2)) us of processor for each user")
    }

    private func row(_ name: String, _ time: Double) {
        let rate = Double(users) / time
        print(
            "  \(name.padded(to: 34))\(time.text(2)) s  \(rate.text(0)) users/s ",
            "\((rate * bytesPerUser / 1e6).text(0)) MB/s")
    }
}

extension String {
    /// Filled up with spaces on the right.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// Filled up with spaces on the left.
    func padded(before width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
