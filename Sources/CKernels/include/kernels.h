// The inner loops of the model, in plain C with run-time dispatch. Each has a readable twin in Sources/Tensors
// (ReadableKernels.swift) that the tests compare it with, on every path that the machine has.
// All matrices are row-major; a stride counts floats.
#ifndef NEARLINE_KERNELS_H
#define NEARLINE_KERNELS_H
#include <stdint.h>

// activation.c
void nearline_silu(const float *x, float *y, long n);
void nearline_silu_backward(const float *x, const float *dy, float *dx, long n);
void nearline_biased_silu(float *scores, const float *bias, long n, float scale);
void nearline_biased_silu_backward(float *scores, float *gradient, const float *bias, long n, float scale);
float nearline_softmax(float *scores, long n, float scale);
void nearline_dropout(float *x, long n, uint64_t seed, float dropped);

// rows.c
void nearline_layer_norm(const float *x, float *y, float *inverse_deviation, long rows, long width, float epsilon);
void nearline_layer_norm_backward(const float *y, const float *inverse_deviation, const float *dy, float *dx, long rows,
                                  long width);
void nearline_normalise(const float *x, float *y, float *norm, long rows, long width, float epsilon);
void nearline_normalise_backward(const float *y, const float *norm, const float *dy, float *dx, long rows, long width);
void nearline_rotate(float *x, long stride, const int32_t *session, long rows, long heads, long head_width,
                     const float *cosines, const float *sines, float direction);
void nearline_multiply(const float *a, const float *b, float *y, long n);
void nearline_add(const float *x, float *y, long n);
void nearline_add_scaled(const float *x, float factor, float *y, long n);
void nearline_scale(float *x, float factor, long n);
float nearline_dot(const float *a, const float *b, long n);
void nearline_run_sums(const float *x, const int32_t *starts, long runs, float *sums);

// update.c
void nearline_adamw(float *p, const float *gradient, float *first, float *second, long n, float rate, float beta1,
                    float beta2, float epsilon, float decay, float correction1, float correction2);

// scan.c
long nearline_scan_above(const float *scores, long n, float threshold, int32_t base, int32_t *rows, float *kept);

#endif
