import Glibc

/// As much of LMDB as the comparison needs, loaded when it is there, so that nothing links it.
final class LMDB {
    private struct Value {
        var size = 0
        var data: UnsafeMutableRawPointer?
    }

    private let library: UnsafeMutableRawPointer
    private let path: String
    private var environment: OpaquePointer?
    private var transaction: OpaquePointer?
    private var table: UInt32 = 0

    private typealias Open = @convention(c) (OpaquePointer?, UnsafePointer<CChar>, UInt32, mode_t) -> Int32
    private typealias Begin =
        @convention(c) (
            OpaquePointer?, OpaquePointer?, UInt32, UnsafeMutablePointer<OpaquePointer?>
        ) -> Int32
    private typealias Put =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafeMutableRawPointer, UnsafeMutableRawPointer, UInt32
        ) -> Int32
    private typealias Get =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafeMutableRawPointer, UnsafeMutableRawPointer
        ) -> Int32

    private let put: Put
    private let get: Get

    // lmdb.h
    private static let noSubfolder: UInt32 = 0x4000
    private static let noSync: UInt32 = 0x10000
    private static let readOnly: UInt32 = 0x20000
    private static let append: UInt32 = 0x20000

    /// nil where the library is not installed.
    init?(writing path: String) throws {
        guard let library = dlopen("liblmdb.so.0", RTLD_NOW) else { return nil }
        self.library = library
        self.path = path
        put = unsafeBitCast(dlsym(library, "mdb_put"), to: Put.self)
        get = unsafeBitCast(dlsym(library, "mdb_get"), to: Get.self)
        typealias Create = @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Int32
        typealias SetSize = @convention(c) (OpaquePointer?, Int) -> Int32
        typealias OpenTable =
            @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, UInt32, UnsafeMutablePointer<UInt32>) -> Int32
        try check("mdb_env_create", call("mdb_env_create", Create.self)(&environment))
        try check("mdb_env_set_mapsize", call("mdb_env_set_mapsize", SetSize.self)(environment, 1 << 36))
        try check(
            "mdb_env_open", call("mdb_env_open", Open.self)(environment, path, Self.noSubfolder | Self.noSync, 0o600))
        try begin(0)
        try check("mdb_dbi_open", call("mdb_dbi_open", OpenTable.self)(transaction, nil, 0, &table))
    }

    deinit {
        typealias Abort = @convention(c) (OpaquePointer?) -> Void
        if transaction != nil { call("mdb_txn_abort", Abort.self)(transaction) }
        if environment != nil { call("mdb_env_close", Abort.self)(environment) }
    }

    var byteCount: Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Keys must ascend.
    func append(_ key: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) throws {
        var (key, value) = (Self.value(key), Self.value(payload))
        try check("mdb_put", put(transaction, table, &key, &value, Self.append))
    }

    /// Commits, and begins to read.
    func finish() throws {
        typealias Commit = @convention(c) (OpaquePointer?) -> Int32
        let written = transaction
        transaction = nil
        try check("mdb_txn_commit", call("mdb_txn_commit", Commit.self)(written))
        try begin(Self.readOnly)
    }

    @inline(__always)
    func payload(of key: Int64) -> UnsafeRawBufferPointer? {
        var key = key.bigEndian
        return withUnsafeMutableBytes(of: &key) { bytes in
            var (key, value) = (Value(size: 8, data: bytes.baseAddress), Value())
            return get(transaction, table, &key, &value) == 0
                ? UnsafeRawBufferPointer(start: value.data, count: value.size) : nil
        }
    }

    private func begin(_ flags: UInt32) throws {
        try check("mdb_txn_begin", call("mdb_txn_begin", Begin.self)(environment, nil, flags, &transaction))
    }

    private static func value(_ bytes: UnsafeRawBufferPointer) -> Value {
        Value(size: bytes.count, data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    private func call<T>(_ name: String, _: T.Type) -> T { unsafeBitCast(dlsym(library, name), to: T.self) }

    private func check(_ name: String, _ status: Int32) throws {
        if status != 0 { throw FiguresError.noLMDB("\(name) failed with \(status)") }
    }
}
