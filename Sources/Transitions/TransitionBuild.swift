import Domain

extension TransitionCounts {
    /// The table, and how it differs from those as of some days ago.
    ///
    /// - Parameters:
    ///   - scene: the one that was counted; nil for all together.
    ///   - top: how many successors of each key are compared.
    package func build(
        scene: Int32? = nil, churnOf top: Int = 5
    ) throws(TemporaryFileError) -> (table: TransitionTable, churn: TransitionChurn) {
        var table = TransitionTable(settings: settings, clusters: clusters, scene: scene)
        var churn = TransitionChurn(top: top, lags: settings.lags)
        let walk = TransitionWalk(self)
        try walk.run { level, key throws(TemporaryFileError) in
            level.distribute(
                .ofKey(length: key.count, clusters: clusters), over: walk.levels[0..<key.count],
                dropped: key.first)
            let kept = settings.successors(ofKey: key.count)
            let best = level.best(max(kept, top), 0)
            let support = level.support(0)
            if support > 0 {
                table.append(level.row(TransitionKey(key, scene: scene), support, best.prefix(kept)))
            }
            guard !key.isEmpty else { return }
            for lag in settings.lags.indices {
                churn.overlaps[lag].add(
                    now: best.prefix(top).map(\.cluster), then: level.best(top, lag + 1).map(\.cluster),
                    support: support)
            }
        }
        return (table.sorted(), churn)
    }
}

extension TransitionLevel {
    fileprivate func row(
        _ key: TransitionKey, _ support: Int, _ best: ArraySlice<(cluster: Int32, probability: Double)>
    ) -> TransitionTable.Row {
        TransitionTable.Row(
            key: key, support: support, backOff: backOff[0],
            successors: best.map { cluster, probability in
                TransitionSuccessor(
                    cluster: cluster, probability: Float(probability), support: raw(cluster, 0),
                    trend: trend(cluster))
            })
    }
}
