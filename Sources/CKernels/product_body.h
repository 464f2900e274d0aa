// See product.c.
#include "tile.h"

// `kept` gets the slope of SiLU, where it is asked for.
INLINE_AT void AT(put)(vf sums[ROWS][COLUMNS], float *c, float *kept, long c_row, long rows, long columns, int vectors,
                       int after) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        if (i >= rows) break;
#pragma unroll
        for (int j = 0; j < vectors; j++) {
            long left = columns - j * LANES;
            float *out = c + i * c_row + j * LANES;
            vf x = sums[i][j];
            if (after == NEARLINE_SILU) x = AT(silu)(x);
            if (after == NEARLINE_SILU_AND_SLOPE && left > 0) {
                vf slope;
                AT(silu_and_slope)(x, &x, &slope);
                AT(store_some)(kept + i * c_row + j * LANES, slope, left);
            }
            if (left >= LANES) {
                AT(store)(out, after == NEARLINE_ADD ? AT(load)(out) + x : x);
            } else if (left > 0) {
                AT(store_some)(out, after == NEARLINE_ADD ? AT(load_some)(out, left) + x : x, left);
            }
        }
    }
}

INLINE_AT void AT(panel)(const float *a, long a_row, long a_inner, const float *b, long b_inner, const float *bias,
                         float *c, float *kept, long c_row, long rows, long inner, long columns, int vectors, int after) {
    for (long r = 0; r < rows; r += ROWS) {
        vf sums[ROWS][COLUMNS];
        AT(tile)(a + r * a_row, a_row, a_inner, b, b_inner, inner, rows - 1 - r, vectors, bias, sums);
        AT(put)(sums, c + r * c_row, kept ? kept + r * c_row : 0, c_row, rows - r, columns, vectors, after);
    }
}

static TARGET void AT(product)(const float *a, long a_row, const float *packed, const float *bias, float *c, float *kept,
                               long c_row, long rows, long inner, long columns, int after) {
    for (long n = 0; n < columns; n += PANEL, packed += inner * PANEL) {
        long left = columns - n;
        float padded[PANEL] = {0};
        const float *begin = bias ? bias + n : 0;
        if (bias && left < PANEL) {
            for (long j = 0; j < left; j++) padded[j] = bias[n + j];
            begin = padded;
        }
#define OF(vectors, after) \
    AT(panel)(a, a_row, 1, packed, PANEL, begin, c + n, kept ? kept + n : 0, c_row, rows, inner, left, vectors, after)
#define AFTER(vectors)                                                          \
    switch (after) {                                                            \
        case NEARLINE_STORE: OF(vectors, NEARLINE_STORE); break;                \
        case NEARLINE_ADD: OF(vectors, NEARLINE_ADD); break;                    \
        case NEARLINE_SILU: OF(vectors, NEARLINE_SILU); break;                  \
        default: OF(vectors, NEARLINE_SILU_AND_SLOPE);                          \
    }
        if (left > PANEL / 2) {
            AFTER(COLUMNS)
        } else {
            AFTER((COLUMNS / 2))
        }
#undef AFTER
#undef OF
    }
}

static TARGET void AT(pack)(const float *b, long b_inner, long b_column, long inner, long columns, float *packed) {
    for (long n = 0; n < columns; n += PANEL)
        for (long k = 0; k < inner; k++, packed += PANEL)
            for (long j = 0; j < PANEL; j++)
                packed[j] = n + j < columns ? b[k * b_inner + (n + j) * b_column] : 0.0f;
}

// c(i, j) += the sum over rows r of a(r, i) * b(r, j). Loads of b run over its columns' end by less than a panel.
static TARGET void AT(outer)(const float *a, long a_row, const float *b, long b_row, float *c, long c_row, long rows,
                             long height, long columns) {
    for (long n = 0; n < columns; n += PANEL) {
        long left = columns - n;
        if (left > PANEL / 2) {
            AT(panel)(a, 1, a_row, b + n, b_row, 0, c + n, 0, c_row, height, rows, left, COLUMNS, NEARLINE_ADD);
        } else {
            AT(panel)(a, 1, a_row, b + n, b_row, 0, c + n, 0, c_row, height, rows, left, COLUMNS / 2, NEARLINE_ADD);
        }
    }
}
