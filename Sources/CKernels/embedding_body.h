// See embedding.c.

// x -> silu((x - mean(x)) / sqrt(variance(x) + epsilon) . W), of which all but the division is in the sum of `parts`.
INLINE_AT void AT(normed_silu)(const nearline_embedding *of, const float *row, const float *const *parts, int count,
                               float *out) {
    vf sums = (vf)0.0f, squares = (vf)0.0f;
    long width = of->width, whole = width / LANES * LANES;
    for (long j = 0; j < whole; j += LANES) sums += AT(load)(row + j);
    if (whole < width) sums += AT(load_some)(row + whole, width - whole);
    vf mean = (vf)(AT(total)(sums) / (float)width);
    for (long j = 0; j < whole; j += LANES) {
        vf x = AT(load)(row + j) - mean;
        squares = AT(fma)(x, x, squares);
    }
    if (whole < width) {
        vf x = AT(before)(AT(load_some)(row + whole, width - whole) - mean, whole, width);
        squares = AT(fma)(x, x, squares);
    }
    vf inverse = (vf)(1.0f / __builtin_sqrtf(AT(total)(squares) / (float)width + of->epsilon));
    long j = 0;
    for (; j + LANES <= of->columns; j += LANES) {
        vf x = AT(load)(parts[0] + j);
#pragma unroll
        for (int p = 1; p < count; p++) x += AT(load)(parts[p] + j);
        AT(store)(out + j, AT(silu)(x * inverse));
    }
    if (j < of->columns) {
        long left = of->columns - j;
        vf x = AT(load_some)(parts[0] + j, left);
#pragma unroll
        for (int p = 1; p < count; p++) x += AT(load_some)(parts[p] + j, left);
        AT(store_some)(out + j, AT(silu)(x * inverse), left);
    }
}

static TARGET void AT(embed_contexts)(const nearline_embedding *of, const float *rows, float *projected, long count) {
    for (long c = 0; c < count; c++, rows += of->width, projected += of->columns) {
        const float *parts[] = {projected};
        AT(normed_silu)(of, rows, parts, 1, projected);
    }
}

static TARGET void AT(embed_items)(const nearline_embedding *of, const int32_t *item, const uint8_t *action, long begin,
                                   long end, long all, float *rows, float *projected) {
    enum { AHEAD = 8, LINE = 16, TOUCHED = 8 };
    long columns = of->columns, stride = columns + of->width;
    for (long i = begin; i < end; i++) {
        if (i % TOUCHED == 0) {
            // Their pages first, several at once: a prefetch waits for its walk through the page table, and all behind it do.
            for (long k = i + AHEAD + 1; k < i + AHEAD + 1 + TOUCHED && k < all; k++) {
                const float *far = of->items + item[k] * stride;
                __builtin_prefetch(far, 0, 2);
                __builtin_prefetch(far + stride - 1, 0, 2);
            }
        }
        if (i + AHEAD < all) {
            // Into the second cache: the first takes fewer requests at a time than these are.
            const float *next = of->items + item[i + AHEAD] * stride;
            for (long j = 0; j < stride; j += LINE) __builtin_prefetch(next + j, 0, 2);
        }
        const float *parts[] = {of->shared, of->items + item[i] * stride, of->actions + action[i] * stride};
        float *row = rows + i * of->width;
        for (long j = 0; j < of->width; j += LANES) {
            long left = of->width - j, at = columns + j;
            vf x = AT(load_some)(parts[0] + at, left) + AT(load_some)(parts[1] + at, left) +
                   AT(load_some)(parts[2] + at, left);
            AT(store_some)(row + j, x, left);
        }
        AT(normed_silu)(of, row, parts, 3, projected + i * columns);
    }
}
