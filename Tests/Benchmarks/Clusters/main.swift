import Clusters
import Domain
import Foundation
import Tensors

// cluster-figures [ITEMS [WIDTH [FIRST_SIZE [THREADS]]]]: how fast, good and steady clusters of drawn items are.
// Without a first size, the usual one for so many items.
let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let items = numbers.first ?? 1_000_000, width = numbers.dropFirst().first ?? 64
var settings = SemanticSettings(items: items)
if let firstSize = numbers.dropFirst(2).first { settings = SemanticSettings(firstSize: firstSize) }
let threads = numbers.dropFirst(3).first ?? ProcessInfo.processInfo.activeProcessorCount
do {
    try ClusterFigures(items: items, width: width, settings: settings, threads: threads).print()
} catch {
    FileHandle.standardError.write(Data("cluster-figures: \(error)\n".utf8))
    exit(1)
}
