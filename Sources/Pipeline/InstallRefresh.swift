import Histories
import Postgres
import ResultTables

/// `nearline refresh --install` and `--uninstall`: the triggers that say whose events, or exclusions, have changed.
package struct InstallRefresh {
    /// Tables behind views, as `schema.table:column`.
    package var on: [String]
    package var uninstalls: Bool

    package init(on: [String], uninstalls: Bool) {
        self.on = on
        self.uninstalls = uninstalls
    }

    private struct Facts: Encodable {
        var tables: [String]
        var installed: [String] = []
        var uninstalled: [String] = []
        var usersQueued = 0
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let triggers = RefreshTriggers(connection)
        if uninstalls {
            let tables = try triggers.uninstall()
            return Answer(
                tables.isEmpty
                    ? "nothing to do: no table has triggers of ours" : "dropped the triggers on \(list(tables))",
                Facts(tables: [], uninstalled: tables))
        }
        let source = try context.source(on: connection), places = try places(source, triggers)
        let new = try triggers.install(places)
        var facts = Facts(tables: places.map(\.table), installed: new.map(\.table))
        guard !new.isEmpty else { return Answer("nothing to do: \(list(facts.tables)) have their triggers", facts) }
        // What was committed before there was a trigger, nobody has queued.
        facts.usersQueued = try RefreshQueue(connection).catchUp(
            events: source.events, isRemembered: source.remembered())
        return Answer(
            "installed triggers on \(list(facts.installed)); \(facts.usersQueued) users have had events since the release",
            facts)
    }

    private func list(_ tables: [String]) -> String { tables.joined(separator: ", ") }

    /// The configured relations that are tables, and those that were named for the others.
    private func places(_ source: EventSource, _ triggers: RefreshTriggers) throws -> [RefreshTriggers.Place] {
        let named = try on.map { try place($0, triggers) }
        var places: [RefreshTriggers.Place] = [], views: [String] = []
        var relations = [source.names.events]
        if let exclusions = source.names.exclusions, source.exclusionColumns.contains("user_id") {
            relations.append(exclusions)
        }
        for relation in relations {
            guard let table = Quote.relation(relation) else { continue }
            if try triggers.kind(of: table) == .table {
                places.append(RefreshTriggers.Place(table: table, column: "user_id"))
            } else {
                views.append(relation)
            }
        }
        guard views.isEmpty || !named.isEmpty else { throw JobError.viewsWithoutTables(views) }
        return places + named.filter { !places.contains($0) }
    }

    /// `schema.table:column`, either with quotes where its name is odd.
    private func place(_ text: String, _ triggers: RefreshTriggers) throws -> RefreshTriggers.Place {
        for colon in text.indices.reversed() where text[colon] == ":" {
            guard let table = Quote.relation(String(text[..<colon])),
                let column = Quote.name(String(text[text.index(after: colon)...]))
            else { continue }
            let place = RefreshTriggers.Place(table: table, column: column)
            switch try triggers.kind(of: table) {
            case .table: break
            case .missing: throw JobError.notAPlace(text, reason: "there is no \(table)")
            case .view, .other: throw JobError.notAPlace(text, reason: "\(table) is no table")
            }
            guard try triggers.hasColumn(place) else {
                throw JobError.notAPlace(text, reason: "\(table) has no column \(column)")
            }
            return place
        }
        throw JobError.notAPlace(text, reason: "it is not a table and a column")
    }
}
