import Tensors

/// Numbers between -1 and 1, the same for the same seed.
func drawnFloats(_ count: Int, seed: UInt64, around mean: Float = 0) -> FloatBuffer {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    let buffer = FloatBuffer(count)
    for i in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer.pointer[i] = Float(state >> 40) / Float(1 << 24) * 2 - 1 + mean
    }
    return buffer
}
