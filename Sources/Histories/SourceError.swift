/// Why a source relation cannot be read. In every case nothing was changed and the current release still serves.
package enum SourceError: Error, Equatable, CustomStringConvertible {
    case badName(String)
    case missingRelation(role: String, name: String)
    /// None is configured, and the default one is not there.
    case noRelation(role: String)
    case missingColumns(relation: String, missing: [String], found: [String])
    case unusableType(relation: String, column: String, type: String, wanted: String)
    case unusableEmbedding(relation: String, column: String, item: String, width: Int?)
    case noEvents(relation: String, asOf: String)
    case itemTypeChanged(relation: String, found: String, model: String)
    case tooManyBadRows(refused: Int, allowed: Int, reasons: String)

    package var description: String {
        switch self {
        case .badName(let name):
            "'\(name)' is no relation name; write schema.table, with double quotes around odd names"
        case .missingRelation(let role, let name):
            "the \(role) relation \(name) does not exist; create the view, import a file, or set --\(role)"
        case .noRelation(let role): "this needs the \(role) relation; create the view, import a file, or set --\(role)"
        case .missingColumns(let relation, let missing, let found):
            "\(relation) has no column \(missing.joined(separator: ", ")) (it has \(found.joined(separator: ", "))); "
                + "name a view that offers it"
        case .unusableType(let relation, let column, let type, let wanted):
            "\(relation).\(column) is \(type); Nearline reads \(wanted): cast it in a view"
        case .unusableEmbedding(let relation, let column, let item, let width):
            "\(relation).\(column) of item \(item) is no array of \(width.map { "\($0) " } ?? "")real numbers; "
                + "leave it null where there is no embedding, and give all others the same length"
        case .noEvents(let relation, let asOf):
            "\(relation) has no usable event up to \(asOf); import events, or choose a later --as-of"
        case .itemTypeChanged(let relation, let found, let model):
            "\(relation).item_id is \(found), but the model was trained on \(model) keys; train a new model"
        case .tooManyBadRows(let refused, let allowed, let reasons):
            "\(refused) rows were refused (\(reasons)), --max-bad-rows allows \(allowed); "
                + "look at nearline.quarantine, mend the source, or raise the limit"
        }
    }
}
