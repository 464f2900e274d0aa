import Postgres

/// The rights of `nearline_reader`, `nearline_worker` and `nearline_admin` on what is in the schema.
package struct RoleGrants {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// Makes the roles where that is asked for; where they are, gives them their rights on what a migration has made.
    ///
    /// - Returns: what to tell people; nil where nothing was to be done.
    package func follow(makesRoles: Bool, hasMigrated: Bool) throws -> String? {
        if makesRoles {
            try connection.transaction(doing: "making the roles") {
                _ = try connection.execute("SELECT nearline.create_roles()", doing: "making the roles")
            }
            return
                "nearline_reader, nearline_worker and nearline_admin have their rights here; log in as members of them, "
                + "and let nearline_worker read the source"
        }
        guard hasMigrated,
            try connection.execute("SELECT nearline.has_roles() AS has", doing: "looking for roles")[0].bool("has")
        else { return nil }
        try connection.transaction(doing: "giving the roles their rights") {
            _ = try connection.execute("SELECT nearline.grant_roles()", doing: "giving the roles their rights")
        }
        return "nearline_reader, nearline_worker and nearline_admin have their rights on what is new"
    }
}
