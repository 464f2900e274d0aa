#include "kernels.h"
#include "dispatch.h"

// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101). correctionN = 1 - betaN^step.
INLINED void update(float *restrict p, const float *restrict gradient, float *restrict first, float *restrict second, long n,
                    const nearline_adamw_step *at) {
    float beta1 = at->beta1, beta2 = at->beta2, epsilon = at->epsilon;
    float step = at->rate / at->correction1, scale = 1.0f / at->correction2, keep = 1.0f - at->rate * at->decay;
    for (long i = 0; i < n; i++) {
        float g = gradient[i];
        first[i] = beta1 * first[i] + (1.0f - beta1) * g;
        second[i] = beta2 * second[i] + (1.0f - beta2) * g * g;
        p[i] = p[i] * keep - step * first[i] / (__builtin_sqrtf(second[i] * scale) + epsilon);
    }
}

DISPATCHED void nearline_adamw(float *p, const float *gradient, float *first, float *second, long n,
                               const nearline_adamw_step *step) {
    update(p, gradient, first, second, n, step);
}

// Rows of three large tables come from memory: they are asked for some rows ahead, into the second cache, because more can be under
// way to it than to the first.
DISPATCHED void nearline_adamw_rows(float *p, const float *gradient, float *first, float *second, const int32_t *row,
                                    long count, long width, const nearline_adamw_step *step) {
    enum { AHEAD = 16 };
    for (long r = 0; r < count; r++) {
        if (r + AHEAD < count) {
            long next = row[r + AHEAD] * width;
            for (long j = next; j < next + width; j += 16) {
                __builtin_prefetch(p + j, 0, 2);
                __builtin_prefetch(first + j, 0, 2);
                __builtin_prefetch(second + j, 0, 2);
            }
        }
        long begin = row[r] * width;
        update(p + begin, gradient + r * width, first + begin, second + begin, width, step);
    }
}
