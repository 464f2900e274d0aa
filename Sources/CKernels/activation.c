#include "kernels.h"
#include "dispatch.h"

// scores -> softmax(scale * scores); returns logsumexp(scale * scores). -INFINITY stands for "left out".
DISPATCHED float nearline_softmax(float *restrict scores, long n, float scale) {
    REORDERED_SUMS
    enum { LANES = 16 };
    float highest = -__builtin_inff(), lanes[LANES];
    for (long l = 0; l < LANES; l++) lanes[l] = highest;
    long whole = n / LANES * LANES;
    for (long i = 0; i < whole; i += LANES)  // by lanes, because a plain maximum is not vectorised
        for (long l = 0; l < LANES; l++) lanes[l] = scores[i + l] > lanes[l] ? scores[i + l] : lanes[l];
    for (long i = whole; i < n; i++) highest = scores[i] > highest ? scores[i] : highest;
    for (long l = 0; l < LANES; l++) highest = lanes[l] > highest ? lanes[l] : highest;
    if (highest == -__builtin_inff()) {
        for (long i = 0; i < n; i++) scores[i] = 0.0f;
        return highest;
    }
    float sum = 0.0f;
    for (long i = 0; i < n; i++) {
        float e = fast_exp((scores[i] - highest) * scale);
        scores[i] = e;
        sum += e;
    }
    float inverse = 1.0f / sum;
    for (long i = 0; i < n; i++) scores[i] *= inverse;
    return highest * scale + __builtin_logf(sum);
}

// Zeroes a share `dropped` of x and scales up the rest. The mask is a hash of (seed, index): the backward pass asks for
// it again instead of storing it.
DISPATCHED void nearline_dropout(float *restrict x, long n, uint64_t seed, float dropped) {
    uint32_t threshold = (uint32_t)(dropped * 4294967295.0f);
    float keep = 1.0f / (1.0f - dropped);
    uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
    for (long i = 0; i < n; i++) {
        uint32_t h = ((uint32_t)i ^ low) * 0x9e3779b1u + high;
        h = (h ^ (h >> 16)) * 0x85ebca6bu;
        h = (h ^ (h >> 13)) * 0xc2b2ae35u;
        h ^= h >> 16;
        x[i] = h < threshold ? 0.0f : x[i] * keep;
    }
}
