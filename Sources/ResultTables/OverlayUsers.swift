import Postgres

extension ReleaseCatalogue {
    /// Users, as text, whose lists in a release's overlay have seen events up to this instant or later.
    package func overlayUsers(of number: Int, since asOf: String) throws -> Set<String> {
        Set(
            try connection.execute(
                "SELECT user_id::text AS key FROM nearline.overlay WHERE release = $1::int AND as_of >= $2::timestamptz",
                [.int(Int64(number)), .text(asOf)], doing: "looking whose lists are new"
            ).map { try $0.string("key") })
    }
}
