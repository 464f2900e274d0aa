import Glibc

/// Microseconds of processor time that `work` takes for each of `count` things: the least of many rounds, as others use
/// the machine too.
func microseconds(_ count: Int, _ work: () throws -> Void) rethrows -> Double {
    var least = Double.infinity
    for _ in 0..<200 {
        let begin = processorSeconds()
        try work()
        least = min(least, processorSeconds() - begin)
    }
    return least * 1e6 / Double(max(1, count))
}

private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
