// The inner loops of the model, in plain C with run-time dispatch. Each has a readable twin in Sources/Tensors
// (ReadableKernels.swift) that the tests compare it with, on every path that the machine has.
// All matrices are row-major; a stride counts floats.
#ifndef NEARLINE_KERNELS_H
#define NEARLINE_KERNELS_H
#include <stdint.h>

// activation.c
float nearline_softmax(float *scores, long n, float scale);
void nearline_dropout(float *x, long n, uint64_t seed, float dropped);

// rows.c
void nearline_layer_norm(const float *x, float *y, float *inverse_deviation, long rows, long width, float epsilon);
void nearline_gated_norm(const float *x, const float *gate, long gate_stride, float *y, long rows, long width,
                         float epsilon);
// y = gate * x, row by row, and the way back: from dy to the gradient of what the gate was before SiLU (of which `slope` was
// kept) and to dx. Rows of gates, slopes and gate gradients are `stride` floats apart.
void nearline_gate(const float *x, const float *gate, long stride, float *y, long rows, long width);
void nearline_gate_backward(const float *x, const float *gate, const float *slope, long stride, const float *dy,
                            float *d_gate, float *dx, long rows, long width);
void nearline_layer_norm_backward(const float *y, const float *inverse_deviation, const float *dy, float *dx, long rows,
                                  long width);
void nearline_normalise(const float *x, float *y, float *norm, long rows, long width, float epsilon);
void nearline_normalise_backward(const float *y, const float *norm, const float *dy, float *dx, long rows, long width);
void nearline_embed(const float *shared, const float *items, const int32_t *item, const float *actions,
                    const uint8_t *action, long begin, long end, long all, long width, float *y);
// embedding.c: what tokens begin as, and silu(layer norm . W) of the first block by sums of rows that went through W before.
typedef struct {
    long width, columns;  // of a row, of its projection
    float epsilon;
    // [*, columns + width]: the projection of a row less its mean, then the row; beside each other, because a row that is met
    // by chance costs a walk through the page table.
    const float *items, *actions;
    const float *shared;  // one of them: what all items of a session share
} nearline_embedding;
// projected: [count, columns], sums of projections that become what they stand for.
void nearline_embed_contexts(const nearline_embedding *of, const float *rows, float *projected, long count);
// The tokens from `begin` to `end`, into their rows; rows of large tables are asked for some tokens ahead, up to `all`.
void nearline_embed_items(const nearline_embedding *of, const int32_t *item, const uint8_t *action, long begin, long end,
                          long all, float *rows, float *projected);
// Asks for n floats that will be wanted soon.
void nearline_fetch(const float *x, long n);
// y *= x
void nearline_multiply(const float *x, float *y, long n);
void nearline_sum(const float *a, const float *b, const float *c, float *y, long n);
void nearline_add(const float *x, float *y, long n);
void nearline_add_rows(const float *x, float *y, long rows, long width);
void nearline_add_scaled(const float *x, float factor, float *y, long n);
void nearline_scale(float *x, float factor, long n);
float nearline_dot(const float *a, const float *b, long n);

// update.c
typedef struct {
    float rate, beta1, beta2, epsilon, decay, correction1, correction2;
} nearline_adamw_step;
void nearline_adamw(float *p, const float *gradient, float *first, float *second, long n, const nearline_adamw_step *step);
// The same for some rows of a table: gradient [count, width], row [count] in any order, each once.
void nearline_adamw_rows(float *p, const float *gradient, float *first, float *second, const int32_t *row, long count,
                         long width, const nearline_adamw_step *step);

// slots.c: rows `begin` up to `end` of gradient [slots, width]. The tokens of slot s are token[first_token[s]] up to
// token[first_token[s + 1] - 1], its places among the shared negatives likewise.
typedef struct {
    long width, shares;
    const float *inputs, *targets;  // [tokens, width]: of the embedding, and of the unit vector
    const int32_t *first_token, *token;
    const int32_t *first_place, *place;
    const float *const *negatives;  // [shares], each [places, width]: of the unit vector
    const float *units, *norms;     // [slots, width]: unit vectors; [slots]: what they were divided by
} nearline_slots;
void nearline_slot_gradients(const nearline_slots *at, long begin, long end, float *gradient);

// level.c: which level of x86-64 is used: 4 (AVX-512), 3 (AVX2), or 0 for what any processor has.
int nearline_level(void);

// product.c: c = a . b, with b packed. a: [rows, inner], a_row floats from row to row; b(k, j) at
// b + k * b_inner + j * b_column; bias: one number a column, or null; kept: the slope of SiLU, laid out as c.
// packed holds inner * columns floats, columns rounded up to nearline_panel().
enum { NEARLINE_STORE = 0, NEARLINE_ADD = 1, NEARLINE_SILU = 2, NEARLINE_SILU_AND_SLOPE = 3 };
long nearline_panel(void);
void nearline_pack(const float *b, long b_inner, long b_column, long inner, long columns, float *packed);
void nearline_product(const float *a, long a_row, const float *packed, const float *bias, float *c, float *kept, long c_row,
                      long rows, long inner, long columns, int after);
// c += transposed a . b: a [rows, height], b [rows, columns] with nearline_panel() floats behind, c [height, columns].
void nearline_outer(const float *a, long a_row, const float *b, long b_row, float *c, long c_row, long rows, long height,
                    long columns);

// attention.c: one user, one head. Tokens are numbered in the order of time, each session's context token before its items.
typedef struct {
    long tokens, sessions;
    // floats of a head; of a row of `value`; of a row of `query` and `key`: both padded to nearline_lanes()
    long width, padded_width, padded;
    const int32_t *order;    // [tokens]: row of each token in the packed batch
    const int32_t *session;  // [tokens]
    const int32_t *first;    // [sessions + 1]: each session's context token
    const uint8_t *bucket;   // [sessions, sessions]: of the time between two sessions
    const float *bias;       // [buckets] of this head
    float scale;
} nearline_attention;
// The lanes of a vector: what lengths are padded to.
long nearline_lanes(void);
// Rows as columns, out [width, padded], each pair (2j, 2j + 1) turned by the angle of its session.
// turns: [sessions, 2, width], cosines (twice each), then sines (minus, plus); null turns nothing.
void nearline_turn(const float *rows, long stride, const int32_t *order, const int32_t *session, long tokens, long width,
                   const float *turns, float *out, long padded);
// The tokens at the `count` places `asked`, into their places of out [tokens, padded_width]; zeros beyond width.
void nearline_gather(const float *rows, long stride, const int32_t *order, const int32_t *asked, long count, long width,
                     float *out, long padded_width);
// The attention of `count` tokens, in rising order and of sessions that follow each other, into their rows of the batch.
// query, key: rows as in the batch, `row_stride` floats apart; key_columns: the keys by nearline_turn(), with
// nearline_lanes() floats behind; value: [tokens, padded_width]. scratch: 13 * padded + 6 * padded_width floats.
void nearline_attend(const nearline_attention *at, const float *query, const float *key, long row_stride,
                     const float *turns, const float *key_columns, const float *value, const int32_t *asked, long count,
                     float *scratch, float *out, long stride);
// The attention of the last session's context token alone, into `out` [width]: query [width]; keys and values as they stand in
// the batch, `stride` floats from row to row; turns as above. scratch: 2 * padded + 2 * (width + nearline_lanes()) floats.
void nearline_attend_last(const nearline_attention *at, const float *query, const float *turns, const float *keys,
                          const float *values, long stride, float *scratch, float *out);

// topk.c: users against all items. A user begins with a threshold of minus infinity, a count of 0, and the places that
// must not be listed, in rising order; it ends with `count` scores and places, best first, equal scores by rising place.
typedef struct {
    float threshold;
    int32_t count;
    const int32_t *denied_begin, *denied, *denied_end;  // `denied` moves on from the first
} nearline_top_k_user;
// A first pass in eight bits, see topk_coarse.h; only where nearline_has_coarse().
typedef struct {
    int8_t *items;   // [panels, nearline_coarse_width(width) / 4, nearline_panel(), 4]
    int32_t *sums;   // [panels * nearline_panel()]
    float *bounds;   // [panels, 3]
} nearline_coarse;
int nearline_has_coarse(void);
long nearline_coarse_width(long width);
void nearline_coarse_pack(const float *panels, long width, long items, const nearline_coarse *out);
typedef struct {
    const float *queries;  // [users, width]
    const float *panels;   // nearline_pack() of the items as columns, [width, items]
    long users, width, items, kept;
    long capacity;               // nearline_top_k_capacity(kept)
    nearline_top_k_user *state;  // [users]
    float *scores;               // [users, capacity]
    int32_t *places;             // [users, capacity]
    uint64_t *keys;              // [2 * capacity]
    float *sample;               // [6 * nearline_top_k_sample(items, kept)]
    nearline_coarse coarse;      // null pointers: no first pass
    uint8_t *query_bytes;        // [users, nearline_coarse_width(width)]
    float *query_bounds;         // [5, users rounded up to 16]
} nearline_top_k_job;
long nearline_top_k_capacity(long kept);
long nearline_top_k_sample(long items, long kept);
void nearline_top_k(const nearline_top_k_job *job);

// The way back. `gradient` is that of the attention's result. Columns are [width, padded] with nearline_lanes() floats behind,
// rows [tokens, padded_width]; queries and keys are turned in both. Of queries and gradients those rows are read that were asked
// for; the gradient of these queries is written, the last three are added to.
typedef struct {
    const float *query, *key, *value, *gradient;  // rows as in the batch
    long stride, gradient_stride;
    const float *key_columns, *value_columns;
    const float *query_rows, *key_rows, *gradient_rows;
    float *query_gradient, *key_gradient, *value_gradient;  // [tokens, padded_width]
    float *bias_gradient;                                   // [buckets]
} nearline_attention_back;
// The tokens at the places `asked`, turned, into their places of out [tokens, padded_width]; zeros beyond width.
void nearline_turn_rows(const float *rows, long stride, const int32_t *order, const int32_t *session, const int32_t *asked,
                        long count, long width, const float *turns, float *out, long padded_width);
// Rows turned back (turns null: as they are), times `factors`, which are laid out as `rows`, to their rows of the packed batch.
void nearline_return_rows(const float *x, long padded_width, const int32_t *order, const int32_t *session,
                          const int32_t *asked, long count, long width, const float *turns, const float *factors,
                          float *rows, long stride);
// scratch: 21 * padded + 3 * nearline_lanes() floats.
void nearline_attend_back(const nearline_attention *at, const nearline_attention_back *back, const int32_t *asked,
                          long count, float *scratch);

#endif
