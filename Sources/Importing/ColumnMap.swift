/// Which header of a file stands for which logical column: what the user said, else the usual names.
package struct ColumnMap: Equatable, Sendable {
    private var headers: [LogicalColumn: String] = [:]
    /// The option that names columns of this file, for messages.
    private var option = "--column"

    /// The usual names only.
    package init() {}

    /// Reads `--column` options, each `COLUMN=NAME`; `COLUMN=` says that the file has no such column.
    ///
    /// - Parameter option: what that option is called here.
    package init(parsing options: [String], option: String = "--column") throws(ImportError) {
        self.option = option
        for mapping in options {
            guard let equals = mapping.firstIndex(of: "="), equals != mapping.startIndex else {
                throw .malformedMapping(mapping)
            }
            let name = String(mapping[..<equals])
            // The tables call the time occurred_at, and so may people.
            guard let column = name == "occurred_at" ? .timestamp : LogicalColumn(rawValue: name) else {
                throw .unknownLogicalColumn(name)
            }
            guard headers[column] == nil else { throw .columnMappedTwice(column) }
            headers[column] = String(mapping[mapping.index(after: equals)...])
        }
    }

    /// Where each of the columns stands in a header; a column that is optional and absent has no entry.
    ///
    /// An explicit header must match exactly, and no other column claims it by an alias then.
    package func positions(
        in header: [String], of path: String, required: [LogicalColumn], optional: [LogicalColumn]
    ) throws(ImportError) -> [LogicalColumn: Int] {
        var positions: [LogicalColumn: Int] = [:]
        for column in required + optional {
            guard let name = headers[column], !name.isEmpty else { continue }
            guard let position = header.firstIndex(of: name) else {
                throw .unknownMappedColumn(path: path, column: column, name: name, found: header, option: option)
            }
            guard header.lastIndex(of: name) == position else { throw .duplicateColumn(path: path, name: name) }
            positions[column] = position
        }
        let claimed = Set(positions.values)
        let names = header.enumerated().map { claimed.contains($0) ? "" : LogicalColumn.normalised($1) }
        for column in required + optional where headers[column] == nil {
            guard let alias = column.aliases.first(where: names.contains) else { continue }
            let position = names.firstIndex(of: alias)!
            guard names.lastIndex(of: alias) == position else {
                throw .duplicateColumn(path: path, name: header[position])
            }
            positions[column] = position
        }
        for column in required where positions[column] == nil {
            throw .missingColumn(path: path, column: column, found: header, option: option)
        }
        return positions
    }
}

extension ColumnMap: CustomStringConvertible {
    /// The same text for the same mapping in every process: it names an import.
    package var description: String {
        headers.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: ",")
    }
}
