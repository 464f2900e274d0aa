// Pointwise attention of one user and head under the session mask (HSTU, arXiv:2402.17152; TBGRecall, arXiv:2508.11977):
// out[t] = sum over what t sees of silu(q[t] . k[s] + bias[time between]) * scale * v[s].
//
// A user's tokens stand in the order of time, each session's context token before its items. What a token sees is then a
// prefix - all earlier sessions and its own context token - and, for an item, itself. ROWS tokens go through their keys
// together: scores stay in registers until they are weights, weights in the nearest cache until they are summed up.
#include <stdint.h>
#include "kernels.h"
#include "levels.h"

#define BODY "attention_body.h"
#include "each_level.h"

long nearline_lanes(void) { return NEARLINE_CHOOSE(8, 16, 4); }

void nearline_turn(const float *rows, long stride, const int32_t *order, const int32_t *session, long tokens, long width,
                   const float *turns, float *out, long padded) {
    NEARLINE_CHOOSE(turn_v3(rows, stride, order, session, tokens, width, turns, out, padded),
                    turn_v4(rows, stride, order, session, tokens, width, turns, out, padded),
                    turn_v0(rows, stride, order, session, tokens, width, turns, out, padded));
}

void nearline_gather(const float *rows, long stride, const int32_t *order, const int32_t *asked, long count, long width,
                     float *out, long padded_width) {
#define GATHER(at_level) at_level(rows, stride, order, asked, count, width, out, padded_width)
    NEARLINE_CHOOSE(GATHER(gather_v3), GATHER(gather_v4), GATHER(gather_v0));
#undef GATHER
}

void nearline_attend(const nearline_attention *at, const float *query, const float *key, long row_stride,
                     const float *turns, const float *key_columns, const float *value, const int32_t *asked, long count,
                     float *scratch, float *out, long stride) {
#define ATTEND(at_level) at_level(at, query, key, row_stride, turns, key_columns, value, asked, count, scratch, out, stride)
    NEARLINE_CHOOSE(ATTEND(attend_v3), ATTEND(attend_v4), ATTEND(attend_v0));
#undef ATTEND
}

void nearline_attend_last(const nearline_attention *at, const float *query, const float *turns, const float *keys,
                          const float *values, long stride, float *scratch, float *out) {
    NEARLINE_CHOOSE(attend_last_v3(at, query, turns, keys, values, stride, scratch, out),
                    attend_last_v4(at, query, turns, keys, values, stride, scratch, out),
                    attend_last_v0(at, query, turns, keys, values, stride, scratch, out));
}

void nearline_turn_rows(const float *rows, long stride, const int32_t *order, const int32_t *session, const int32_t *asked,
                        long count, long width, const float *turns, float *out, long padded_width) {
#define TURN(at_level) at_level(rows, stride, order, session, asked, count, width, turns, out, padded_width)
    NEARLINE_CHOOSE(TURN(turn_rows_v3), TURN(turn_rows_v4), TURN(turn_rows_v0));
#undef TURN
}

void nearline_return_rows(const float *x, long padded_width, const int32_t *order, const int32_t *session,
                          const int32_t *asked, long count, long width, const float *turns, const float *factors,
                          float *rows, long stride) {
#define RETURN(at_level) at_level(x, padded_width, order, session, asked, count, width, turns, factors, rows, stride)
    NEARLINE_CHOOSE(RETURN(return_rows_v3), RETURN(return_rows_v4), RETURN(return_rows_v0));
#undef RETURN
}

void nearline_attend_back(const nearline_attention *at, const nearline_attention_back *back, const int32_t *asked,
                          long count, float *scratch) {
    NEARLINE_CHOOSE(attend_back_v3(at, back, asked, count, scratch), attend_back_v4(at, back, asked, count, scratch),
                    attend_back_v0(at, back, asked, count, scratch));
}
