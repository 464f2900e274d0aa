/// The shape of a next-session model; stored in its artifact, because other numbers make another model.
package struct ModelSettings: Codable, Equatable, Sendable {
    /// `V`: rows of the vocabulary.
    package var items: Int
    package var categories: Int
    package var sellers: Int
    package var scenes: Int
    /// `D`: width of a token; a multiple of `2 · heads`, because rotation turns pairs of a head.
    package var width: Int
    package var heads: Int
    package var blocks: Int
    /// `M`: a context token predicts its own session and the `M - 1` after it.
    package var horizons: Int
    /// The constant that divides SiLU scores (HSTU's `n_max`): part of the model, never the number of visible keys.
    package var attentionNorm: Int
    package var ropeBase: Double
    /// Buckets of the relative time bias and of the gap embedding.
    package var timeBuckets: Int
    package var temperature: Float
    package var epsilon: Float
    /// Experts that tokens are routed to after each block (``ExpertMixture``); 0 for no mixture.
    package var experts: Int {
        get { routed ?? 0 }
        set { routed = newValue > 0 ? newValue : nil }
    }
    /// Items of popular transitions that stand before the session to come (``AnchorTable``), at most; 0 for none.
    package var anchors: Int {
        get { max(0, anchored ?? 0) }
        set { anchored = newValue > 0 ? newValue : nil }
    }
    /// Whether an item's vector has a part of its category's and one of its seller's.
    package var hasSideInformation: Bool {
        get { side ?? true }
        set { side = newValue ? nil : false }
    }
    /// Whether tokens are told by the scene of their session.
    package var readsScenes: Bool {
        get { scenic ?? true }
        set { scenic = newValue ? nil : false }
    }
    // Absent where they are as in the artifacts from before there was a choice.
    private var routed: Int?
    private var anchored: Int?
    private var side: Bool?
    private var scenic: Bool?

    package init(
        items: Int, categories: Int, sellers: Int, scenes: Int, width: Int = 64, heads: Int = 2, blocks: Int = 2,
        horizons: Int = 2, attentionNorm: Int = 256, ropeBase: Double = 10_000, timeBuckets: Int = 64,
        temperature: Float = 0.05, epsilon: Float = 1e-6, experts: Int = 0, anchors: Int = 0
    ) {
        precondition(width % (2 * heads) == 0, "width must be a multiple of 2 · heads")
        precondition(blocks > 0 && horizons > 0 && timeBuckets > 0 && timeBuckets <= 256)
        self.items = items
        self.categories = categories
        self.sellers = sellers
        self.scenes = scenes
        self.width = width
        self.heads = heads
        self.blocks = blocks
        self.horizons = horizons
        self.attentionNorm = attentionNorm
        self.ropeBase = ropeBase
        self.timeBuckets = timeBuckets
        self.temperature = temperature
        self.epsilon = epsilon
        self.experts = experts
        self.anchors = anchors
    }

    /// `d`: floats of a token that one head reads.
    package var headWidth: Int { width / heads }
    /// `F`: inner width of an expert. Three of them make a feed-forward layer of one and a half widths.
    package var expertWidth: Int { width / 2 }
    /// Rows of the table of scenes: anchors have one of their own, the last.
    package var sceneRows: Int { scenes + (anchors > 0 ? 1 : 0) }
    package var anchorScene: Int32 { Int32(scenes) }
    /// The row of that table that a token of a scene reads.
    package func sceneRow(_ scene: Int32) -> Int { readsScenes || scene >= scenes ? Int(scene) : 0 }

    enum CodingKeys: String, CodingKey {
        case items, categories, sellers, scenes, width, heads, blocks, horizons, temperature
        case attentionNorm = "attention_norm"
        case ropeBase = "rope_base"
        case timeBuckets = "time_buckets"
        case epsilon = "eps"
        case routed = "experts"
        case anchored = "anchors"
        case side = "side_information"
        case scenic = "scene_tokens"
    }
}
