import CStacks
import Foundation

/// Where every other thread of this process stands.
enum ThreadStacks {
    struct Stack {
        let name: String
        /// The innermost first.
        let frames: String
    }

    private static let most = 32

    /// One caller at a time.
    static func all() -> [Stack] {
        let own = stacks_own_thread()
        return (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task"))?.compactMap { Int32($0) }
            .sorted().filter { $0 != own }.map(stack) ?? []
    }

    private static func stack(_ thread: Int32) -> Stack {
        var addresses = [UnsafeMutableRawPointer?](repeating: nil, count: most)
        let count = Int(stacks_of_thread(thread, &addresses, Int32(most)))
        let name = try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
        return Stack(
            name: name?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "\(thread)",
            frames: count == 0 ? "it does not answer" : addresses.prefix(count).map(place).joined(separator: " < "))
    }

    private static func place(_ address: UnsafeMutableRawPointer?) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            stacks_describe(address, text.baseAddress!, text.count)
            return String(cString: text.baseAddress!)
        }
    }
}
