import Domain

/// Labels of actions by their bytes, so that the few that there are need not be made strings row by row.
struct ActionLabels {
    private var known: [(bytes: UInt128, action: Action?)] = []
    private static let most = 64

    subscript(label: UnsafeRawBufferPointer) -> Action? {
        mutating get {
            guard label.count <= MemoryLayout<UInt128>.size else { return ActionLabels.action(label) }
            // Zero bytes, which no text has, tell a label from a longer one.
            var bytes: UInt128 = 0
            for byte in label { bytes = bytes &<< 8 | UInt128(truncatingIfNeeded: byte) }
            for i in known.indices where known[i].bytes == bytes { return known[i].action }
            let action = ActionLabels.action(label)
            if known.count < ActionLabels.most { known.append((bytes, action)) }
            return action
        }
    }

    private static func action(_ label: UnsafeRawBufferPointer) -> Action? {
        Action(label: String(decoding: label, as: UTF8.self))
    }
}
