// See attention.c.

// LANES rows of LANES numbers become columns: blocks of 1, 2, 4 ... are swapped across the diagonal.
INLINE_AT void AT(transpose)(vf x[LANES]) {
#if LANES == 16
#define LIST_S1L 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define LIST_S1H 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define LIST_S2L 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define LIST_S2H 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LIST_S4L 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define LIST_S4H 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LIST_S8L 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define LIST_S8H 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#elif LANES == 8
#define LIST_S1L 0, 8, 2, 10, 4, 12, 6, 14
#define LIST_S1H 1, 9, 3, 11, 5, 13, 7, 15
#define LIST_S2L 0, 1, 8, 9, 4, 5, 12, 13
#define LIST_S2H 2, 3, 10, 11, 6, 7, 14, 15
#define LIST_S4L 0, 1, 2, 3, 8, 9, 10, 11
#define LIST_S4H 4, 5, 6, 7, 12, 13, 14, 15
#else
#define LIST_S1L 0, 4, 2, 6
#define LIST_S1H 1, 5, 3, 7
#define LIST_S2L 0, 1, 4, 5
#define LIST_S2H 2, 3, 6, 7
#endif
#define ROUND(step, low, high)                                                      \
    _Pragma("unroll") for (int i = 0; i < LANES; i++) {                             \
        if (i & step) continue;                                                     \
        vf upper = x[i], lower = x[i | step];                                       \
        x[i] = __builtin_shufflevector(upper, lower, LIST_##low);                   \
        x[i | step] = __builtin_shufflevector(upper, lower, LIST_##high);           \
    }
    ROUND(1, S1L, S1H)
    ROUND(2, S2L, S2H)
#if LANES >= 8
    ROUND(4, S4L, S4H)
#endif
#if LANES >= 16
    ROUND(8, S8L, S8H)
#endif
#undef ROUND
#undef LIST_S1L
#undef LIST_S1H
#undef LIST_S2L
#undef LIST_S2H
#undef LIST_S4L
#undef LIST_S4H
#undef LIST_S8L
#undef LIST_S8H
}

// Neighbouring lanes change places.
INLINE_AT vf AT(neighbours)(vf x) {
#if LANES == 16
    return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif LANES == 8
    return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
#else
    return __builtin_shufflevector(x, x, 1, 0, 3, 2);
#endif
}

// The sum of each vector's lanes.
INLINE_AT vf AT(totals)(vf x[LANES]) {
    AT(transpose)(x);
#pragma unroll
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

// Widths are whole vectors as a rule: where `whole` is known to be 1, no load asks how much is left.
INLINE_AT vf AT(load_part)(const float *p, long left, int whole) { return whole ? AT(load)(p) : AT(load_some)(p, left); }

// A vector of a row turned by its session.
INLINE_AT vf AT(turned)(const float *row, const float *turn, long width, long j, int whole) {
    vf x = AT(load_part)(row + j, width - j, whole);
    vf cosine = AT(load_part)(turn + j, width - j, whole), sine = AT(load_part)(turn + width + j, width - j, whole);
    return AT(fma)(AT(neighbours)(x), sine, x * cosine);
}

// A row turned by its session, zeros beyond its width.
INLINE_AT void AT(turn_row)(const float *row, const float *turn, long width, float *out, long padded_width) {
    if (width % LANES == 0) {
        for (long j = 0; j < width; j += LANES) AT(store)(out + j, AT(turned)(row, turn, width, j, 1));
    } else {
        for (long j = 0; j < padded_width; j += LANES) AT(store)(out + j, AT(turned)(row, turn, width, j, 0));
    }
}

// LANES tokens from p on, of which `count` are there, as columns of their vector from j on.
INLINE_AT void AT(turn_block)(const float *rows, long stride, const int32_t *order, const int32_t *session, long p,
                              long count, long j, long width, const float *turns, float *out, long padded, int whole) {
    vf x[LANES];
#pragma unroll
    for (int i = 0; i < LANES; i++) {
        long place = p + (i < count ? i : count - 1);
        const float *row = rows + order[place] * stride;
        x[i] = turns ? AT(turned)(row, turns + session[place] * 2 * width, width, j, whole)
                     : AT(load_part)(row + j, width - j, whole);
    }
    AT(transpose)(x);
#pragma unroll
    for (int i = 0; i < LANES; i++)
        if (whole || j + i < width) AT(store)(out + (j + i) * padded + p, x[i]);
}

// `width` numbers of each of `tokens` rows, turned by the row's session (turns null: as they are), as columns: out
// [width, padded]. What stands beyond the last token is its number again: nobody sees it.
static TARGET void AT(turn)(const float *rows, long stride, const int32_t *order, const int32_t *session, long tokens,
                            long width, const float *turns, float *out, long padded) {
    for (long p = 0; p < tokens; p += LANES)
        for (long j = 0; j < width; j += LANES) {
            long count = tokens - p;
#define BLOCK(whole, count, turns) \
    AT(turn_block)(rows, stride, order, session, p, count, j, width, turns, out, padded, whole)
            if (width % LANES == 0 && count >= LANES) {
                if (turns) {
                    BLOCK(1, LANES, turns);
                } else {
                    BLOCK(1, LANES, 0);
                }
            } else {
                BLOCK(0, count, turns);
            }
#undef BLOCK
        }
}

INLINE_AT void AT(gather_rows)(const float *rows, long stride, const int32_t *order, const int32_t *asked, long count,
                               long width, float *out, long padded_width, int whole) {
    for (long a = 0; a < count; a++) {
        const float *row = rows + order[asked[a]] * stride;
        float *to = out + asked[a] * padded_width;
        for (long j = 0; j < padded_width; j += LANES) AT(store)(to + j, AT(load_part)(row + j, width - j, whole));
    }
}

static TARGET void AT(gather)(const float *rows, long stride, const int32_t *order, const int32_t *asked, long count,
                              long width, float *out, long padded_width) {
    if (width % LANES == 0) {
        AT(gather_rows)(rows, stride, order, asked, count, width, out, padded_width, 1);
    } else {
        AT(gather_rows)(rows, stride, order, asked, count, width, out, padded_width, 0);
    }
}

// left . right of each token, rows as in the batch. Of a query and a key: what turns both by the same angle changes nothing.
INLINE_AT void AT(dots)(const nearline_attention *at, const float *left, long left_stride, const float *right,
                        long right_stride, float *out) {
    for (long p = 0; p < at->tokens; p += LANES) {
        vf sums[LANES];
#pragma unroll
        for (int i = 0; i < LANES; i++) {
            sums[i] = (vf)0.0f;
            if (p + i >= at->tokens) continue;
            const float *a = left + at->order[p + i] * left_stride, *b = right + at->order[p + i] * right_stride;
            for (long j = 0; j < at->width; j += LANES)
                sums[i] = AT(fma)(AT(load_some)(a + j, at->width - j), AT(load_some)(b + j, at->width - j), sums[i]);
        }
        AT(store)(out + p, AT(totals)(sums));
    }
}

// Whether items are among the tokens asked for: context tokens read nothing of themselves.
INLINE_AT int AT(asks_items)(const nearline_attention *at, const int32_t *asked, long count) {
    for (long a = 0; a < count; a++)
        if (asked[a] != at->first[at->session[asked[a]]]) return 1;
    return 0;
}

// What an item token reads of itself, at time difference 0; nothing for a context token, which is among the keys.
INLINE_AT void AT(own)(const nearline_attention *at, const float *query, const float *key, long stride, float *own) {
    AT(dots)(at, query, stride, key, stride, own);
    for (long p = 0; p < at->tokens; p += LANES)
        AT(store)(own + p, AT(silu)(AT(load)(own + p) + at->bias[0]) * at->scale);
    for (long s = 0; s < at->sessions; s++) own[at->first[s]] = 0.0f;
}

// One number for each key that a session sees: its bias by the time between the two sessions.
INLINE_AT void AT(biases)(const nearline_attention *at, long s, float *bias) {
    const uint8_t *bucket = at->bucket + s * at->sessions;
    for (long k = 0; k < s; k++) {
        float x = at->bias[bucket[k]];
        long p = at->first[k], end = at->first[k + 1];
        // Whole vectors as far as there is room: the next session writes over what is too much.
        for (; p < end && p + LANES <= at->padded; p += LANES) AT(store)(bias + p, (vf)x);
        for (; p < end; p++) bias[p] = x;
    }
    bias[at->first[s]] = at->bias[bucket[s]];
}

// sums += left . right for ROWS tokens, given as rows, and `vectors` vectors of keys, given as columns.
INLINE_AT void AT(columns_product)(const nearline_attention *at, const float *const *left, const float *right, long from,
                                   int vectors, vf sums[ROWS][COLUMNS]) {
    for (long k = 0; k < at->width; k++) {
        vf keys[COLUMNS];
#pragma unroll
        for (int j = 0; j < vectors; j++) keys[j] = AT(load)(right + k * at->padded + from + j * LANES);
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            vf token = (vf)left[i][k];
#pragma unroll
            for (int j = 0; j < vectors; j++) sums[i][j] = AT(fma)(token, keys[j], sums[i][j]);
        }
    }
}

// sums += for ROWS tokens the sum over keys of the token's factor for the key times the key's row; `vectors` vectors of it.
INLINE_AT void AT(rows_product)(const nearline_attention *at, const float *factors, const float *rows, long keys,
                                int vectors, vf sums[ROWS][COLUMNS]) {
    for (long k = 0; k < keys; k++) {
        vf key[COLUMNS];
#pragma unroll
        for (int j = 0; j < vectors; j++) key[j] = AT(load)(rows + k * at->padded_width + j * LANES);
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            vf factor = (vf)factors[i * at->padded + k];
#pragma unroll
            for (int j = 0; j < vectors; j++) sums[i][j] = AT(fma)(factor, key[j], sums[i][j]);
        }
    }
}

// silu(query . key + bias) * scale for ROWS tokens and `vectors` vectors of keys from `from` on.
INLINE_AT void AT(weigh)(const nearline_attention *at, const float *const *query, const float *key,
                         const float *const *bias, const long *seen, long from, int vectors, float *weights) {
    vf sums[ROWS][COLUMNS];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = AT(load)(bias[i] + from + j * LANES);
    AT(columns_product)(at, query, key, from, vectors, sums);
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) {
            vf x = AT(silu)(sums[i][j]) * at->scale;
            long begin = from + j * LANES;
            if (begin + LANES > seen[i]) x = AT(before)(x, begin, seen[i]);
            AT(store)(weights + i * at->padded + begin, x);
        }
}

// The weighted sum of values of ROWS tokens, `vectors` vectors of their width; begins with what each reads of itself.
INLINE_AT void AT(values)(const nearline_attention *at, const float *weights, const float *own, const float *value,
                          const long *place, long keys, long column, int vectors, float *out, long stride, long rows) {
    vf sums[ROWS][COLUMNS];
    value += column;
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++)
            sums[i][j] = (vf)own[place[i]] * AT(load)(value + place[i] * at->padded_width + j * LANES);
    AT(rows_product)(at, weights, value, keys, vectors, sums);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        if (i >= rows) break;
        float *row = out + at->order[place[i]] * stride + column;
#pragma unroll
        for (int j = 0; j < vectors; j++) {
            long left = at->width - column - j * LANES;
            if (left > 0) AT(store_some)(row + j * LANES, sums[i][j], left);
        }
    }
}

// Calls `call(begin, vectors)` for `length` numbers, COLUMNS vectors at a time and then the rest: how many is known to the
// compiler in each.
#define BY_VECTORS(length, call)                                              \
    do {                                                                      \
        long vectors = ((length) + LANES - 1) / LANES, v = 0;                 \
        for (; v + COLUMNS <= vectors; v += COLUMNS) call(v *LANES, COLUMNS); \
        switch (vectors - v) {                                                \
            BY_REST(call)                                                     \
            case 1: call(v *LANES, 1); break;                                 \
        }                                                                     \
    } while (0)
#if COLUMNS > 2
#define BY_REST(call)                       \
    case 3: call(v *LANES, 3); break;       \
    case 2: call(v *LANES, 2); break;
#else
#define BY_REST(call)
#endif

// scratch: own [padded], bias [ROWS][padded], weights [ROWS][padded], queries [ROWS][padded_width].
static TARGET void AT(attend)(const nearline_attention *at, const float *query, const float *key, long row_stride,
                              const float *turns, const float *key_columns, const float *value, const int32_t *asked,
                              long count, float *scratch, float *out, long stride) {
    float *own = scratch, *biases = own + at->padded, *weights = biases + ROWS * at->padded;
    float *turned = weights + ROWS * at->padded;
    if (AT(asks_items)(at, asked, count)) {
        AT(own)(at, query, key, row_stride, own);
    } else {
        for (long p = 0; p < at->padded; p++) own[p] = 0.0f;
    }
    long filled = -1;
    for (long a = 0; a < count; a += ROWS) {
        long place[ROWS], seen[ROWS], keys = 0;
        const float *row[ROWS], *bias[ROWS];
        for (int i = 0; i < ROWS; i++) {
            place[i] = asked[a + i < count ? a + i : count - 1];
            long s = at->session[place[i]];
            seen[i] = at->first[s] + 1;
            row[i] = turned + i * at->padded_width;
            AT(turn_row)(query + at->order[place[i]] * row_stride, turns + s * 2 * at->width, at->width,
                         turned + i * at->padded_width, at->padded_width);
            // Sessions follow each other: those of one tile have slots of their own.
            bias[i] = biases + s % ROWS * at->padded;
            if (s > filled) {
                AT(biases)(at, s, biases + s % ROWS * at->padded);
                filled = s;
            }
            keys = seen[i] > keys ? seen[i] : keys;
        }
#define WEIGH(from, vectors) AT(weigh)(at, row, key_columns, bias, seen, from, vectors, weights)
#define VALUES(column, vectors) \
    AT(values)(at, weights, own, value, place, keys, column, vectors, out, stride, count - a)
        BY_VECTORS(keys, WEIGH);
        BY_VECTORS(at->padded_width, VALUES);
#undef WEIGH
#undef VALUES
    }
}

// The attention of the last session's context token alone: its query is turned against each session instead of each key
// with its own, and values stay where they are. scratch: bias [padded], weights [padded], two queries.
static TARGET void AT(attend_last)(const nearline_attention *at, const float *query, const float *turns, const float *keys,
                                   const float *values, long stride, float *scratch, float *out) {
    long last = at->sessions - 1, seen = at->first[last] + 1, width = at->width, session = -1;
    float *biases = scratch, *weights = biases + at->padded, *turned = weights + at->padded;
    float *against = turned + width + LANES;
    AT(biases)(at, last, biases);
    for (long j = 0; j < width; j += LANES) {
        const float *turn = turns + last * 2 * width + j;
        vf x = AT(load_some)(query + j, width - j);
        vf cosine = AT(load_some)(turn, width - j), sine = AT(load_some)(turn + width, width - j);
        AT(store)(turned + j, AT(fma)(AT(neighbours)(x), sine, x * cosine));
    }
    for (long p = 0; p < seen; p += LANES) {
        vf sums[LANES];
#pragma unroll
        for (int i = 0; i < LANES; i++) {
            sums[i] = (vf)0.0f;
            if (p + i >= seen) continue;
            if (at->session[p + i] != session) {
                session = at->session[p + i];
                for (long j = 0; j < width; j += LANES) {
                    const float *turn = turns + session * 2 * width + j;
                    vf x = AT(load)(turned + j), cosine = AT(load_some)(turn, width - j);
                    vf sine = AT(load_some)(turn + width, width - j);
                    x = x * cosine - AT(neighbours)(x) * sine;
                    AT(store)(against + j, width - j < LANES ? AT(before)(x, j, width) : x);
                }
            }
            const float *key = keys + at->order[p + i] * stride;
            for (long j = 0; j < width; j += LANES)
                sums[i] = AT(fma)(AT(load)(against + j), AT(load_some)(key + j, width - j), sums[i]);
        }
        vf x = AT(silu)(AT(load)(biases + p) + AT(totals)(sums)) * at->scale;
        AT(store)(weights + p, p + LANES > seen ? AT(before)(x, p, seen) : x);
    }
    enum { CHAINS = 4 };
    for (long j = 0; j < width; j += LANES) {
        vf sums[CHAINS] = {0};
        long whole = seen / CHAINS * CHAINS;
        for (long p = 0; p < whole; p += CHAINS)
#pragma unroll
            for (int c = 0; c < CHAINS; c++)
                sums[c] = AT(fma)((vf)weights[p + c],
                                  AT(load_some)(values + at->order[p + c] * stride + j, width - j), sums[c]);
        for (long p = whole; p < seen; p++)
            sums[0] = AT(fma)((vf)weights[p], AT(load_some)(values + at->order[p] * stride + j, width - j), sums[0]);
        AT(store_some)(out + j, (sums[0] + sums[1]) + (sums[2] + sums[3]), width - j);
    }
}

static TARGET void AT(turn_rows)(const float *rows, long stride, const int32_t *order, const int32_t *session,
                                 const int32_t *asked, long count, long width, const float *turns, float *out,
                                 long padded_width) {
    for (long a = 0; a < count; a++) {
        long p = asked[a];
        AT(turn_row)(rows + order[p] * stride, turns + session[p] * 2 * width, width, out + p * padded_width, padded_width);
    }
}

INLINE_AT void AT(return_row)(const float *x, const float *turn, const float *factors, float *row, long width, int whole) {
    for (long j = 0; j < width; j += LANES) {
        long left = width - j;
        vf y = AT(load)(x + j);
        if (turn) {
            vf cosine = AT(load_part)(turn + j, left, whole), sine = AT(load_part)(turn + width + j, left, whole);
            y = y * cosine - AT(neighbours)(y) * sine;
        }
        y *= AT(load_part)(factors + j, left, whole);
        if (whole) {
            AT(store)(row + j, y);
        } else {
            AT(store_some)(row + j, y, left);
        }
    }
}

static TARGET void AT(return_rows)(const float *x, long padded_width, const int32_t *order, const int32_t *session,
                                   const int32_t *asked, long count, long width, const float *turns, const float *factors,
                                   float *rows, long stride) {
    for (long a = 0; a < count; a++) {
        long p = asked[a], begin = order[p] * stride;
        const float *from = x + p * padded_width, *turn = turns ? turns + session[p] * 2 * width : 0;
        if (width % LANES == 0) {
            AT(return_row)(from, turn, factors + begin, rows + begin, width, 1);
        } else {
            AT(return_row)(from, turn, factors + begin, rows + begin, width, 0);
        }
    }
}

// Of ROWS tokens and some of their keys: the weights, and the gradient of what they are made of.
INLINE_AT void AT(weigh_back)(const nearline_attention *at, const nearline_attention_back *back, const float *const *query,
                              const float *const *gradient, const float *const *bias, const long *seen, long from,
                              int vectors, float *weights, float *slopes) {
    vf sums[ROWS][COLUMNS];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = (vf)0.0f;
    AT(columns_product)(at, gradient, back->value_columns, from, vectors, sums);
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) AT(store)(slopes + i * at->padded + from + j * LANES, sums[i][j]);
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = AT(load)(bias[i] + from + j * LANES);
    AT(columns_product)(at, query, back->key_columns, from, vectors, sums);
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) {
            vf value, slope;
            AT(silu_and_slope)(sums[i][j], &value, &slope);
            long begin = from + j * LANES, at_place = i * at->padded + begin;
            value *= at->scale;
            slope *= AT(load)(slopes + at_place) * at->scale;
            if (begin + LANES > seen[i]) {
                value = AT(before)(value, begin, seen[i]);
                slope = AT(before)(slope, begin, seen[i]);
            }
            AT(store)(weights + at_place, value);
            AT(store)(slopes + at_place, slope);
        }
}

// to[key] += the sum over ROWS tokens of their factor for the key times their row; `vectors` vectors of the width.
INLINE_AT void AT(spread)(const nearline_attention *at, const float *factors, const float *rows, const long *place,
                          long count, long keys, long column, int vectors, float *to) {
    vf own[ROWS][COLUMNS];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++)
            own[i][j] = i < count ? AT(load)(rows + place[i] * at->padded_width + column + j * LANES) : (vf)0.0f;
    for (long k = 0; k < keys; k++) {
        float *row = to + k * at->padded_width + column;
        vf sums[COLUMNS];
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[j] = AT(load)(row + j * LANES);
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            vf factor = (vf)factors[i * at->padded + k];
#pragma unroll
            for (int j = 0; j < vectors; j++) sums[j] = AT(fma)(factor, own[i][j], sums[j]);
        }
#pragma unroll
        for (int j = 0; j < vectors; j++) AT(store)(row + j * LANES, sums[j]);
    }
}

// to[place] = the sum over keys of the token's factor for the key times the key's row.
INLINE_AT void AT(collect)(const nearline_attention *at, const float *factors, const float *rows, const long *place,
                           long count, long keys, long column, int vectors, float *to) {
    vf sums[ROWS][COLUMNS];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = (vf)0.0f;
    AT(rows_product)(at, factors, rows + column, keys, vectors, sums);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        if (i >= count) break;
        float *row = to + place[i] * at->padded_width + column;
#pragma unroll
        for (int j = 0; j < vectors; j++) AT(store)(row + j * LANES, sums[i][j]);
    }
}

// The diagonal: what item tokens read of themselves.
INLINE_AT void AT(own_back)(const nearline_attention *at, const nearline_attention_back *back, float *weights,
                            float *slopes) {
    AT(dots)(at, back->query, back->stride, back->key, back->stride, weights);
    AT(dots)(at, back->value, back->stride, back->gradient, back->gradient_stride, slopes);
    for (long p = 0; p < at->tokens; p += LANES) {
        vf value, slope;
        AT(silu_and_slope)(AT(load)(weights + p) + at->bias[0], &value, &slope);
        AT(store)(weights + p, value * at->scale);
        AT(store)(slopes + p, slope * AT(load)(slopes + p) * at->scale);
    }
    for (long s = 0; s < at->sessions; s++) weights[at->first[s]] = slopes[at->first[s]] = 0.0f;
}

// Adds a session's sums over its tokens, one for each key, to the buckets of their biases; clears them.
INLINE_AT void AT(bias_back)(const nearline_attention *at, long s, float *sums, float *bias_gradient) {
    const uint8_t *bucket = at->bucket + s * at->sessions;
    for (long k = 0; k < s; k++) {
        float sum = 0.0f;
        for (long p = at->first[k]; p < at->first[k + 1]; p++) sum += sums[p];
        bias_gradient[bucket[k]] += sum;
    }
    bias_gradient[bucket[s]] += sums[at->first[s]];
    for (long p = 0; p < at->first[s] + LANES; p++) sums[p] = 0.0f;
}

// scratch: own weights and slopes, sums [3][padded + LANES], biases, weights, slopes [3][ROWS][padded].
static TARGET void AT(attend_back)(const nearline_attention *at, const nearline_attention_back *back, const int32_t *asked,
                                   long count, float *scratch) {
    long room = at->padded + LANES;
    float *own = scratch, *own_slopes = own + room, *sums = own_slopes + room, *biases = sums + room;
    float *weights = biases + ROWS * at->padded, *slopes = weights + ROWS * at->padded;
    for (long p = 0; p < room; p++) sums[p] = 0.0f;
    int asks_items = AT(asks_items)(at, asked, count);
    if (asks_items) AT(own_back)(at, back, own, own_slopes);
    long filled = -1, summed = -1;
    float own_sum = 0.0f;
    for (long a = 0; a < count; a += ROWS) {
        long place[ROWS], seen[ROWS], keys = 0, rows = count - a < ROWS ? count - a : ROWS;
        const float *query[ROWS], *gradient[ROWS], *bias[ROWS];
        for (int i = 0; i < ROWS; i++) {
            place[i] = asked[a + (i < rows ? i : rows - 1)];
            long s = at->session[place[i]];
            // A row that stands in for none sees nothing.
            seen[i] = i < rows ? at->first[s] + 1 : 0;
            query[i] = back->query_rows + place[i] * at->padded_width;
            gradient[i] = back->gradient_rows + place[i] * at->padded_width;
            bias[i] = biases + s % ROWS * at->padded;
            if (s > filled) {
                AT(biases)(at, s, biases + s % ROWS * at->padded);
                filled = s;
            }
            keys = seen[i] > keys ? seen[i] : keys;
        }
#define WEIGH(from, vectors) \
    AT(weigh_back)(at, back, query, gradient, bias, seen, from, vectors, weights, slopes)
        BY_VECTORS(keys, WEIGH);
#undef WEIGH
#define SPREAD_KEYS(column, vectors) \
    AT(spread)(at, slopes, back->query_rows, place, rows, keys, column, vectors, back->key_gradient)
#define SPREAD_VALUES(column, vectors) \
    AT(spread)(at, weights, back->gradient_rows, place, rows, keys, column, vectors, back->value_gradient)
#define COLLECT(column, vectors) \
    AT(collect)(at, slopes, back->key_rows, place, rows, keys, column, vectors, back->query_gradient)
        BY_VECTORS(at->padded_width, SPREAD_KEYS);
        BY_VECTORS(at->padded_width, SPREAD_VALUES);
        BY_VECTORS(at->padded_width, COLLECT);
#undef SPREAD_KEYS
#undef SPREAD_VALUES
#undef COLLECT
        for (int i = 0; i < rows; i++) {
            long s = at->session[place[i]], p = place[i];
            if (s != summed) {
                if (summed >= 0) AT(bias_back)(at, summed, sums, back->bias_gradient);
                summed = s;
            }
            for (long k = 0; k < seen[i]; k += LANES)
                AT(store)(sums + k, AT(load)(sums + k) + AT(load)(slopes + i * at->padded + k));
            if (!asks_items) continue;
            own_sum += own_slopes[p];
            for (long j = 0; j < at->padded_width; j += LANES) {
                long x = p * at->padded_width + j;
                float *q = back->query_gradient + x, *k = back->key_gradient + x, *v = back->value_gradient + x;
                AT(store)(q, AT(fma)((vf)own_slopes[p], AT(load)(back->key_rows + x), AT(load)(q)));
                AT(store)(k, AT(fma)((vf)own_slopes[p], AT(load)(back->query_rows + x), AT(load)(k)));
                AT(store)(v, AT(fma)((vf)own[p], AT(load)(back->gradient_rows + x), AT(load)(v)));
            }
        }
    }
    if (summed >= 0) AT(bias_back)(at, summed, sums, back->bias_gradient);
    back->bias_gradient[0] += own_sum;
}
#undef BY_VECTORS
#undef BY_REST
