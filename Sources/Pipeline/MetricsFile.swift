import Domain
import Foundation
import Ledger
import Postgres

/// The file that `metrics` names: written beside and renamed, so that a scrape finds the old one or the new one, whole.
struct MetricsFile {
    let path: String

    /// The file is beside and has a name of its own, so that of two writers neither tears the other's.
    func write(_ text: String) throws {
        let beside = "\(path).\(getpid()).partial"
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: beside))
        } catch {
            throw JobError.unwritable(path: path, reason: error.localizedDescription)
        }
        guard rename(beside, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(beside)
            throw JobError.unwritable(path: path, reason: reason)
        }
        sweep()
    }

    /// What writers that were killed left: files of processes that are gone.
    private func sweep() {
        let url = URL(fileURLWithPath: path), folder = url.deletingLastPathComponent().path
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard name.hasPrefix(url.lastPathComponent + "."), name.hasSuffix(".partial"),
                let process = Int32(name.dropFirst(url.lastPathComponent.count + 1).dropLast(".partial".count)),
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            unlink(folder + "/" + name)
        }
    }
}

extension RunContext {
    /// Writes the metrics where a file is set. A run is as good without: what goes wrong here is a warning.
    func writeMetrics(on connection: Connection) {
        let path = settings.text("metrics")
        guard !path.isEmpty else { return }
        do {
            _ = try connection.reconnectIfLost(doing: "reading the status")
            let status = try ServiceStatus(on: connection)
            try MetricsFile(path: path).write(ServiceMetrics(status, now: Date.now.timeIntervalSince1970).text)
        } catch {
            log.warning("the metrics were not written", metadata: ["reason": "\(error)"])
        }
    }
}
