import Glibc
import Postgres

/// Processor time of this process and of one server process: what others do on the machine changes it little.
struct ProcessorTime {
    var client = 0.0
    var server = 0.0

    /// - Parameter backend: the server's process, which has to be on this machine.
    static func now(_ backend: Int32) -> ProcessorTime {
        ProcessorTime(client: ofThisProcess, server: Double(nanoseconds(backend)) / 1e9)
    }

    static var ofThisProcess: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The first number of `schedstat`: nanoseconds at work.
    private static func nanoseconds(_ process: Int32) -> Int {
        guard let file = fopen("/proc/\(process)/schedstat", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        return strtol(line, nil, 10)
    }

    static func - (a: ProcessorTime, b: ProcessorTime) -> ProcessorTime {
        ProcessorTime(client: a.client - b.client, server: a.server - b.server)
    }

    static func += (a: inout ProcessorTime, b: ProcessorTime) {
        a.client += b.client
        a.server += b.server
    }
}
