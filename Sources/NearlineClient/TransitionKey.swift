/// The key of an ordered pair of clusters, either of which may be missing; as `nearline.transition_key`.
struct TransitionKey {
    let value: Int64

    init(older: Int?, latest: Int?) {
        value = Int64((older ?? -1) + 1) << 32 | Int64((latest ?? -1) + 1)
    }
}
