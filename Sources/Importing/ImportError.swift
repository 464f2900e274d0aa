/// Why a file could not be imported at all; a bad row never ends an import, it is refused and counted.
package enum ImportError: Error, Equatable, Sendable {
    case missingFile(path: String)
    case notReadable(path: String, reason: String)
    /// A gzip stream that is damaged, or that ends before its checksum.
    case corruptGzip(path: String, reason: String)
    case emptyFile(path: String)
    case notUTF8(path: String)
    /// The header line has an unclosed quote, or is longer than any header.
    case brokenHeader(path: String)
    case tooManyColumns(path: String, found: Int, allowed: Int)
    case missingColumn(path: String, column: LogicalColumn, found: [String], option: String)
    case duplicateColumn(path: String, name: String)
    /// An explicit mapping names a header that the file does not have.
    case unknownMappedColumn(
        path: String, column: LogicalColumn, name: String, found: [String], option: String)
    case malformedMapping(String)
    case unknownLogicalColumn(String)
    case columnMappedTwice(LogicalColumn)
}

extension ImportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingFile(let path):
            "\(path) does not exist; check the path"
        case .notReadable(let path, let reason):
            "\(name(of: path)) cannot be read: \(reason)"
        case .corruptGzip(let path, let reason):
            "\(name(of: path)) is not a whole gzip file (\(reason)); test it with gzip -t and fetch it again"
        case .emptyFile(let path):
            "\(name(of: path)) is empty; the first line must name the columns"
        case .notUTF8(let path):
            "the header of \(name(of: path)) is not UTF-8 text; save the file as UTF-8"
        case .brokenHeader(let path):
            "the header of \(name(of: path)) has a broken quote or no end; the first line must name the columns"
        case .tooManyColumns(let path, let found, let allowed):
            "\(name(of: path)) has \(found) columns, at most \(allowed) are read; leave out the ones not needed"
        case .missingColumn(let path, let column, let found, let option):
            "\(name(of: path)) has no column for \(column.rawValue) (found \(list(found))); "
                + "name it with \(option) \(column.rawValue)=NAME"
        case .duplicateColumn(let path, let column):
            "\(name(of: path)) has more than one column \"\(column)\"; rename or drop all but one"
        case .unknownMappedColumn(let path, let column, let header, let found, let option):
            "\(name(of: path)) has no column \"\(header)\" for \(option) \(column.rawValue)=\(header) "
                + "(found \(list(found))); name one of these"
        case .malformedMapping(let text):
            "--column \(text) is not of the form COLUMN=NAME, as in --column user_id=customer"
        case .unknownLogicalColumn(let column):
            "--column \(column)=... is no column of an import; name one of "
                + LogicalColumn.allCases.map(\.rawValue).joined(separator: ", ")
        case .columnMappedTwice(let column):
            "--column \(column.rawValue)=... is given twice; keep one"
        }
    }

    private func name(of path: String) -> String { path == "-" ? "standard input" : path }

    private func list(_ columns: [String]) -> String {
        let shown = 20
        let rest = columns.count > shown ? " and \(columns.count - shown) more" : ""
        return columns.prefix(shown).joined(separator: ", ") + rest
    }
}
