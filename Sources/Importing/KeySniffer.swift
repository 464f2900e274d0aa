import Domain

/// The narrowest key type that every key of a column fits: bigint, else uuid, else text.
struct KeySniffer {
    private var areAllIntegers = true
    private var areAllUUIDs = true

    /// Once text, no further key can change it.
    var isSettled: Bool { !areAllIntegers && !areAllUUIDs }

    /// A column without any key counts as bigint.
    var type: IDType { areAllIntegers ? .bigint : areAllUUIDs ? .uuid : .text }

    mutating func add(_ field: FieldBytes) {
        guard !field.isEmpty else { return }
        if areAllIntegers { areAllIntegers = KeyText.isCanonicalInteger(field) }
        if areAllUUIDs { areAllUUIDs = KeyText.uuid(field) != nil }
    }
}
