/// What goes on beside the readers.
enum SoakPhase: String, CaseIterable {
    case quiet
    /// Releases are built, written to files and pruned, and none is published.
    case building
    case publishing
}
