import Blending
import Domain

/// What a shop wants of every list beside the best items.
struct ListRules: Equatable {
    /// Whether a list may hold what the user had before, and after how many days.
    let allowsRepeats: Bool
    let coolDownDays: Int
    /// Items of one category in a list, at most; 0: no cap.
    let categoryCap: Int

    static let settings = ["repeats", "cool-down-days", "category-cap"]

    init(_ settings: Settings) {
        allowsRepeats = settings.text("repeats") == "allowed"
        coolDownDays = settings.int("cool-down-days")
        categoryCap = settings.int("category-cap")
    }

    /// What was had at this time or later rests at the instant that lists are for; nil where nothing does. Microseconds since
    /// 1970.
    func restingSince(servedAt: Int64) -> Int64? {
        guard allowsRepeats else { return .min }
        return coolDownDays == 0 ? nil : servedAt - Int64(coolDownDays) * 86_400_000_000
    }

    func cap(_ vocabulary: Vocabulary) -> CategoryCap? {
        categoryCap == 0 ? nil : CategoryCap(most: categoryCap, category: vocabulary.category)
    }

    /// The rule by which an item that the user had is not listed.
    var whyResting: String {
        allowsRepeats
            ? "the user had it in the last \(coolDownDays) days (cool-down-days)" : "the user had it (repeats: none)"
    }
}
