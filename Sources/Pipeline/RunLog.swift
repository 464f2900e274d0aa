import Foundation
import Logging

/// Logs to standard error: lines for people on a terminal, JSON lines for machines everywhere else.
package struct StandardErrorLog: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .info
    private let isForPeople: Bool

    package init(isForPeople: Bool) { self.isForPeople = isForPeople }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line: String
        if isForPeople {
            let facts = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            let prefix = event.level >= .warning ? "\(event.level): " : ""
            line = "\u{1B}[2K\r" + prefix + "\(event.message)" + (facts.isEmpty ? "" : "  " + facts)
        } else {
            var object: [String: String] = all.mapValues { "\($0)" }
            object["ts"] = Date.now.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
            object["level"] = "\(event.level)"
            object["msg"] = "\(event.message)"
            let data = try? JSONSerialization.data(
                withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
            line = String(decoding: data ?? Data(), as: UTF8.self)
        }
        StandardStreams.say(line + "\n")
    }
}
