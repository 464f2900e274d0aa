import Logging
import Synchronization

/// Keeps what is logged.
struct LogLines: LogHandler {
    final class Text: Sendable {
        let kept = Mutex("")
    }
    let text = Text()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        text.kept.withLock { $0 += "\(event.level) \(event.message) \(event.metadata ?? [:])\n" }
    }
}
