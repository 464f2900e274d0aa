#include "kernels.h"
#include "dispatch.h"

// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101). correctionN = 1 - betaN^step.
DISPATCHED void nearline_adamw(float *restrict p, const float *restrict gradient, float *restrict first,
                               float *restrict second, long n, float rate, float beta1, float beta2, float epsilon,
                               float decay, float correction1, float correction2) {
    float step = rate / correction1, scale = 1.0f / correction2;
    for (long i = 0; i < n; i++) {
        float g = gradient[i];
        first[i] = beta1 * first[i] + (1.0f - beta1) * g;
        second[i] = beta2 * second[i] + (1.0f - beta2) * g * g;
        p[i] = p[i] * (1.0f - rate * decay) - step * first[i] / (__builtin_sqrtf(second[i] * scale) + epsilon);
    }
}
