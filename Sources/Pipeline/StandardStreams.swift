import Foundation

/// Standard input, output and errors: whatever has become of them, a job does its work.
package enum StandardStreams {
    /// Called before anything is opened. A stream that whoever started us has closed would be the number of the first socket to
    /// the database, and what is said would be sent there.
    package static func prepare() {
        // Who reads half of an answer, or ends with the log, does not end the run.
        signal(SIGPIPE, SIG_IGN)
        for stream in 0...2 where fcntl(Int32(stream), F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    /// To standard error. What cannot be written is lost: a full disk under a log ends no night.
    static func say(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// To standard output, as a line. Throws ``JobError/unwritable(path:reason:)``, but not where nobody wants to read it.
    package static func answer(_ text: String) throws {
        let reason = write(text + "\n", to: STDOUT_FILENO)
        guard reason == 0 || reason == EPIPE else {
            throw JobError.unwritable(path: "the answer to standard output", reason: String(cString: strerror(reason)))
        }
    }

    /// The last line, for people, of a command that failed.
    package static func complain(_ text: String) { say(text + "\n") }

    /// - Returns: `errno`, or zero.
    private static func write(_ text: String, to stream: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = Foundation.write(stream, bytes.baseAddress! + done, bytes.count - done)
                if count < 0, errno != EINTR { return errno }
                done += max(0, count)
            }
            return 0
        }
    }
}
