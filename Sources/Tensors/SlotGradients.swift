import CKernels

/// The gradient of the summed embedding of each item that a batch touches (a slot): what its tokens are as inputs, and what its
/// unit vector is as a target and among the shared negatives, through the normalising.
package struct SlotGradients {
    /// Rows of each slot: `rows[first[slot] ..< first[slot + 1]]`.
    package struct Rows {
        let first: UnsafePointer<Int32>
        /// Null where there are none at all.
        let rows: UnsafePointer<Int32>?

        package init(first: UnsafePointer<Int32>, rows: UnsafePointer<Int32>?) {
            self.first = first
            self.rows = rows
        }
    }

    private let width: Int
    private let tokens: Rows
    private let places: Rows
    private let inputs: Floats
    private let targets: Floats
    private let units: Floats
    private let norms: Floats

    /// - Parameters:
    ///   - tokens, places: of each slot, among the tokens and among the shared negatives.
    ///   - inputs, targets: `[tokens, width]`, gradients of embeddings and of unit vectors.
    ///   - units, norms: `[slots, width]` and `[slots]`: unit vectors, and what they were divided by.
    package init(
        width: Int, tokens: Rows, places: Rows, inputs: Floats, targets: Floats, units: Floats, norms: Floats
    ) {
        self.width = width
        self.tokens = tokens
        self.places = places
        self.inputs = inputs
        self.targets = targets
        self.units = units
        self.norms = norms
    }

    /// Writes rows `slots` of `out` `[*, width]`; sums are taken in the order of `negatives`, then of tokens.
    ///
    /// - Parameter negatives: each `[places, width]`: gradients of the negatives' unit vectors, to be summed up.
    package func run(_ slots: Range<Int>, negatives: [UnsafePointer<Float>?], into out: Floats) {
        negatives.withUnsafeBufferPointer { negatives in
            var kernel = nearline_slots(
                width: width, shares: negatives.count, inputs: inputs, targets: targets, first_token: tokens.first,
                token: tokens.rows, first_place: places.first, place: places.rows, negatives: negatives.baseAddress,
                units: units, norms: norms)
            nearline_slot_gradients(&kernel, slots.lowerBound, slots.upperBound, out)
        }
    }
}
