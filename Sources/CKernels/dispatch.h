// Run-time dispatch: one source, compiled for each level of x86-64 and picked when the library is loaded.
#ifndef NEARLINE_DISPATCH_H
#define NEARLINE_DISPATCH_H

#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif
#define INLINED static inline __attribute__((always_inline))

// Sums may be reordered into vector lanes. The order depends on the level of x86-64 only, never on threads.
#define REORDERED_SUMS _Pragma("clang fp reassociate(on) contract(fast)")

// e^x for float: 2^n times a polynomial of the remainder (Cephes' coefficients); relative error below 2e-7,
// clamped to [-87.3, 88.3], so that it neither overflows nor reaches subnormals.
INLINED float fast_exp(float x) {
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: rounds to the nearest integer in every mode of SIMD
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { float f; int32_t i; } power = {.i = ((int32_t)n + 127) << 23};
    return p * power.f;
}

#endif
