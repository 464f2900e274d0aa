import ResultTables

/// `nearline publish`: makes a built release the current one.
package struct PublishRelease {
    package var release: Int?
    package var dryRun: Bool

    package init(release: Int?, dryRun: Bool) {
        self.release = release
        self.dryRun = dryRun
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let catalogue = ReleaseCatalogue(connection)
        let current = try catalogue.current()
        guard let row = try release.map({ try catalogue.release($0) }) ?? catalogue.newestValidated() else {
            guard let current else { throw ReleaseError.noRelease }
            return Answer(
                "nothing to do: release \(current.release) is current and none waits", ["release": current.release])
        }
        if row.release == current?.release {
            return Answer("nothing to do: release \(row.release) is current", ["release": row.release])
        }
        guard row.state == "validated" else { throw ReleaseError.notBuilt(release: row.release, state: row.state) }
        let before = current.map { "release \($0.release)" } ?? "nothing"
        if dryRun {
            return Answer(
                "would publish release \(row.release) (\(row.users) users) in place of \(before)",
                ["release": row.release])
        }
        try context.booked(on: connection, settings: "{}") { _, report in
            report.release = row.release
            try ReleaseSwitch(connection).publish(row.release)
        }
        return Answer(
            "release \(row.release) is current (\(row.users) users), in place of \(before)", ["release": row.release])
    }
}
