/// How far a release may be from what is wanted, and from the current release, and still become current.
///
/// Shares are from 0 to 1. A bound itself is still allowed.
package struct GateBounds: Sendable, Equatable {
    /// Users with a list; an empty source is more often a broken view than a shop without customers.
    package var minUsers = 1
    /// Share of the current release's users that may be missing: more than so many do not leave in one night.
    package var maxUserDrop = 0.2
    /// Users more than the current release has, as a share of its users: 1 is twice as many. Keys that changed look so.
    package var maxUserGrowth = 1.0
    /// The factor by which bytes per user may rise or fall; twice the bytes is a codec or a dictionary gone wrong.
    package var maxSizeChange = 2.0
    /// Share of lists that may be empty although their user may get something.
    package var maxEmptyShare = 0.01
    /// Share of lists that may be shorter than wanted although there are items enough.
    package var maxShortShare = 0.05
    /// Share of lists that may hold what the source denies by now. More than 0 is for shops where items sell out by the
    /// minute: what sold out while the lists were made is in some of them.
    package var maxExcludedShare = 0.0
    /// Share of lists that may hold popular items only: above it, hardly anything is personal.
    package var maxFallbackShare = 0.5
    /// Mean share of items that a user's lists in both releases have to have in common: below it, rows were mixed up.
    package var minOverlap = 0.02
    /// Mean share of items that lists may have in common: above it, new events or a new model changed nothing.
    package var maxOverlap = 0.9999
    /// Users whose lists are compared for the overlap; 2,000 give the mean to about a hundredth.
    package var overlapUsers = 2000
    /// The held-out figure that a model has to reach, from 0 to 1; 0 asks for nothing.
    package var minRecall = 0.0
    /// Share of the held-out figure of the current release's model that may be lost.
    package var maxRecallDrop = 0.3
    /// Mean share of clusters in common among the first five of a key (intersection over union), over the keys of both
    /// releases.
    package var minTransitionOverlap = 0.02
    /// Share of the current release's transition keys that may be missing.
    package var maxTransitionDrop = 0.5
    /// Users whose lists are read through the lookups; each costs a few round trips.
    package var canaryUsers = 32
    /// Transition keys that are read through `nearline.next_clusters`.
    package var canaryKeys = 8

    package init() {}
}
