#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Another process, started by this one.
///
/// Foundation's `Process` reads past the end of a directory entry when it counts open files, and so crashes now and then on
/// Linux (swift-corelibs-foundation #5472): this is `posix_spawn` and `waitpid`.
package final class ChildProcess: @unchecked Sendable {
    package let identifier: pid_t
    /// As `waitpid` writes it, once the process was waited for.
    private var status: Int32?

    /// Files of the child; nil is /dev/null for the first two, and this process's own for errors.
    package struct Streams {
        package var input: Int32?
        package var output: Int32?
        package var errors: Int32?

        package init(input: Int32? = nil, output: Int32? = nil, errors: Int32? = nil) {
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    /// - Parameters:
    ///   - path: the executable; nothing is looked up in PATH.
    ///   - arguments: without the name of the program.
    ///   - environment: nil is this process's own.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil, _ streams: Streams = Streams()
    ) throws(ChildProcessError) {
        var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (stream, target) in [(streams.input, STDIN_FILENO), (streams.output, STDOUT_FILENO)] {
            if let stream {
                posix_spawn_file_actions_adddup2(&actions, stream, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        posix_spawn_file_actions_adddup2(&actions, streams.errors ?? STDERR_FILENO, STDERR_FILENO)
        for descriptor in Self.openDescriptors() where descriptor > STDERR_FILENO {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // A signal that this process ignores or blocks is none of the child's business.
        var all = sigset_t(), none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let words = Self.strings([path] + arguments)
        let settings = environment.map { Self.strings($0.map { "\($0.key)=\($0.value)" }) } ?? []
        defer { (words + settings).forEach { free($0) } }
        var child: pid_t = 0
        let fault =
            environment == nil
            ? posix_spawn(&child, path, &actions, &attributes, words, environ)
            : posix_spawn(&child, path, &actions, &attributes, words, settings)
        guard fault == 0 else { throw ChildProcessError(path: path, reason: String(cString: strerror(fault))) }
        identifier = child
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { strdup($0) } + [nil]
    }

    private static func openDescriptors() -> [Int32] {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        let name = MemoryLayout<dirent>.offset(of: \.d_name)!
        while let entry = readdir(folder) {
            // Entries are as long as their names: the field is never to be copied as a whole.
            let text = UnsafeRawPointer(entry).advanced(by: name).assumingMemoryBound(to: CChar.self)
            if let number = Int32(String(cString: text)) { found.append(number) }
        }
        return found
    }

    package func send(_ signal: Int32) { kill(identifier, signal) }

    /// Waits for the end and returns it as a shell says it: the exit status, or 128 + the signal that ended the process.
    ///
    /// One thread may wait at a time.
    @discardableResult
    package func wait() -> Int32 {
        while status == nil {
            var found: Int32 = 0
            let waited = waitpid(identifier, &found, 0)
            guard waited < 0, errno == EINTR else {
                status = waited < 0 ? 0 : found
                break
            }
        }
        let signal = status! & 0x7f
        return signal == 0 ? status! >> 8 & 0xff : 128 + signal
    }
}

package struct ChildProcessError: Error, CustomStringConvertible {
    package let path: String
    package let reason: String
    package var description: String { "cannot start \(path): \(reason)" }
}
