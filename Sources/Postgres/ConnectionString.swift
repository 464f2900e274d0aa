import CLibPQ

/// What a user writes to name a database, as libpq takes it: keywords, a URI, a bare database name, or nothing.
struct ConnectionString {
    private let text: String

    init(_ text: String) { self.text = text }

    /// Whether a password stands in it, where `ps` and logs would show it. In doubt, yes.
    var holdsPassword: Bool {
        if let options = PQconninfoParse(text, nil) {
            defer { PQconninfoFree(options) }
            return ["password", "sslpassword"].contains { !(value(of: $0, in: options) ?? "").isEmpty }
        }
        let userInfo = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        return text.lowercased().contains("password")
            || (text.contains("://") && userInfo.count == 2 && userInfo[0].filter { $0 == ":" }.count > 1)
    }

    /// The keywords and values for `PQconnectStartParams`; what stands behind the user's own words overrides them.
    func keywords(applicationName: String) -> [(keyword: String, value: String)] {
        [
            ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("dbname", text),
            ("client_encoding", "UTF8"), ("application_name", applicationName),
        ]
    }
}

/// One option of a list that libpq hands out, ended by a NULL keyword; nil when it is not set.
func value(of keyword: String, in options: UnsafePointer<PQconninfoOption>) -> String? {
    var next = options
    while let name = next.pointee.keyword {
        if String(cString: name) == keyword { return next.pointee.val.map { String(cString: $0) } }
        next += 1
    }
    return nil
}
