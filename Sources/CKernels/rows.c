#include "kernels.h"
#include "dispatch.h"

// y = (x - mean) / sqrt(variance + epsilon), row by row, no affine part.
DISPATCHED void nearline_layer_norm(const float *restrict x, float *restrict y, float *restrict inverse_deviation,
                                    long rows, long width, float epsilon) {
    REORDERED_SUMS
    for (long r = 0; r < rows; r++, x += width, y += width) {
        float mean = 0.0f, variance = 0.0f;
        for (long i = 0; i < width; i++) mean += x[i];
        mean /= (float)width;
        for (long i = 0; i < width; i++) variance += (x[i] - mean) * (x[i] - mean);
        float inverse = 1.0f / __builtin_sqrtf(variance / (float)width + epsilon);
        for (long i = 0; i < width; i++) y[i] = (x[i] - mean) * inverse;
        inverse_deviation[r] = inverse;
    }
}

// y = gate * (x - mean) / sqrt(variance + epsilon), row by row.
DISPATCHED void nearline_gated_norm(const float *restrict x, const float *restrict gate, long gate_stride,
                                    float *restrict y, long rows, long width, float epsilon) {
    REORDERED_SUMS
    for (long r = 0; r < rows; r++, x += width, y += width, gate += gate_stride) {
        float mean = 0.0f, variance = 0.0f;
        for (long i = 0; i < width; i++) mean += x[i];
        mean /= (float)width;
        for (long i = 0; i < width; i++) variance += (x[i] - mean) * (x[i] - mean);
        float inverse = 1.0f / __builtin_sqrtf(variance / (float)width + epsilon);
        for (long i = 0; i < width; i++) y[i] = gate[i] * ((x[i] - mean) * inverse);
    }
}

// dx += inverse_deviation * (dy - mean(dy) - y * mean(dy * y))
DISPATCHED void nearline_layer_norm_backward(const float *restrict y, const float *restrict inverse_deviation,
                                             const float *restrict dy, float *restrict dx, long rows, long width) {
    REORDERED_SUMS
    for (long r = 0; r < rows; r++, y += width, dy += width, dx += width) {
        float mean = 0.0f, along = 0.0f;
        for (long i = 0; i < width; i++) {
            mean += dy[i];
            along += dy[i] * y[i];
        }
        mean /= (float)width;
        along /= (float)width;
        for (long i = 0; i < width; i++) dx[i] += inverse_deviation[r] * (dy[i] - mean - y[i] * along);
    }
}

// y = x / max(|x|, epsilon), row by row; norm keeps the divisor.
DISPATCHED void nearline_normalise(const float *restrict x, float *restrict y, float *restrict norm, long rows,
                                   long width, float epsilon) {
    REORDERED_SUMS
    for (long r = 0; r < rows; r++, x += width, y += width) {
        float square = 0.0f;
        for (long i = 0; i < width; i++) square += x[i] * x[i];
        float length = __builtin_sqrtf(square);
        norm[r] = length > epsilon ? length : epsilon;
        float inverse = 1.0f / norm[r];
        for (long i = 0; i < width; i++) y[i] = x[i] * inverse;
    }
}

// dx = (dy - y (y . dy)) / norm
DISPATCHED void nearline_normalise_backward(const float *restrict y, const float *restrict norm,
                                            const float *restrict dy, float *restrict dx, long rows, long width) {
    REORDERED_SUMS
    for (long r = 0; r < rows; r++, y += width, dy += width, dx += width) {
        float along = 0.0f, inverse = 1.0f / norm[r];
        for (long i = 0; i < width; i++) along += y[i] * dy[i];
        for (long i = 0; i < width; i++) dx[i] = (dy[i] - y[i] * along) * inverse;
    }
}

DISPATCHED void nearline_gate(const float *restrict x, const float *restrict gate, long stride, float *restrict y,
                              long rows, long width) {
    for (long r = 0; r < rows; r++, x += width, y += width, gate += stride)
        for (long i = 0; i < width; i++) y[i] = gate[i] * x[i];
}

DISPATCHED void nearline_gate_backward(const float *restrict x, const float *restrict gate, const float *restrict slope,
                                       long stride, const float *restrict dy, float *restrict d_gate, float *restrict dx,
                                       long rows, long width) {
    for (long r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        for (long i = 0; i < width; i++) {
            d_gate[i] = dy[i] * x[i] * slope[i];
            dx[i] = dy[i] * gate[i];
        }
        gate += stride, slope += stride, d_gate += stride;
    }
}

DISPATCHED void nearline_multiply(const float *restrict x, float *restrict y, long n) {
    for (long i = 0; i < n; i++) y[i] *= x[i];
}

// y may be one of the others.
DISPATCHED void nearline_sum(const float *a, const float *b, const float *c, float *y, long n) {
    for (long i = 0; i < n; i++) y[i] = a[i] + b[i] + c[i];
}

DISPATCHED void nearline_add(const float *restrict x, float *restrict y, long n) {
    for (long i = 0; i < n; i++) y[i] += x[i];
}

// y(j) += the sum over rows r of x(r, j).
DISPATCHED void nearline_add_rows(const float *restrict x, float *restrict y, long rows, long width) {
    enum { PART = 64 };
    for (long begin = 0; begin < width; begin += PART) {
        long n = width - begin < PART ? width - begin : PART;
        float sums[PART] = {0};
        if (n == PART)
            for (long r = 0; r < rows; r++)
                for (long j = 0; j < PART; j++) sums[j] += x[r * width + begin + j];
        else
            for (long r = 0; r < rows; r++)
                for (long j = 0; j < n; j++) sums[j] += x[r * width + begin + j];
        for (long j = 0; j < n; j++) y[begin + j] += sums[j];
    }
}

DISPATCHED void nearline_add_scaled(const float *restrict x, float factor, float *restrict y, long n) {
    for (long i = 0; i < n; i++) y[i] += factor * x[i];
}

DISPATCHED void nearline_scale(float *restrict x, float factor, long n) {
    for (long i = 0; i < n; i++) x[i] *= factor;
}

DISPATCHED float nearline_dot(const float *restrict a, const float *restrict b, long n) {
    REORDERED_SUMS
    float sum = 0.0f;
    for (long i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

// y[i] = shared + items[item[i]] + actions[action[i]] for the i from `begin` to `end`. Rows of a large table come from memory:
// they are asked for some tokens ahead, up to `all`.
DISPATCHED void nearline_embed(const float *restrict shared, const float *restrict items, const int32_t *restrict item,
                               const float *restrict actions, const uint8_t *restrict action, long begin, long end,
                               long all, long width, float *restrict y) {
    enum { AHEAD = 16 };
    for (long i = begin; i < end; i++) {
        if (i + AHEAD < all) {
            const float *next = items + item[i + AHEAD] * width;
            for (long j = 0; j < width; j += 16) __builtin_prefetch(next + j);
        }
        const float *own = items + item[i] * width, *kind = actions + action[i] * width;
        float *row = y + i * width;
        for (long j = 0; j < width; j++) row[j] = shared[j] + own[j] + kind[j];
    }
}

void nearline_fetch(const float *x, long n) {
    for (long i = 0; i < n; i += 16) __builtin_prefetch(x + i);
}
