import Domain

/// What was wrong with a row, on its way from a field to the counts.
struct RefusedField: Error {
    let reason: RefusalReason
}

extension DelimitedReader {
    /// Why the current record is no row of this file at all, before any field is read.
    var refusedShape: RefusedField? {
        if let fault { return RefusedField(reason: fault) }
        return fieldCount == header.count ? nil : RefusedField(reason: .wrongFieldCount)
    }

    func key(
        _ column: Int, _ type: IDType, missing: RefusalReason, bad: RefusalReason
    ) throws(RefusedField) -> ExternalID {
        switch KeyText.parse(field(column).trimmed, as: type) {
        case .success(let key): return key
        case .failure(.missing): throw RefusedField(reason: missing)
        case .failure(.bad): throw RefusedField(reason: bad)
        case .failure(.invalidText): throw RefusedField(reason: .invalidText)
        }
    }

    /// The text of an optional column; nil where the file has no such column, or the row nothing in it.
    func text(_ column: Int?) throws(RefusedField) -> String? {
        guard let column else { return nil }
        let field = field(column).trimmed
        guard !field.isEmpty else { return nil }
        guard let text = field.text else { throw RefusedField(reason: .invalidText) }
        return text
    }
}
