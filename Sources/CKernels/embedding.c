// The rows that tokens begin as, and what the first block makes of them: a row is a sum of table rows, and of the first
// block's layer norm and projection only the division by the deviation is not linear, so that the tables go through the
// matrix once and tokens add up the results. Tables of projections are of rows less their mean.
#include <stdint.h>
#include "kernels.h"
#include "levels.h"

#define BODY "embedding_body.h"
#include "each_level.h"

void nearline_embed_contexts(const nearline_embedding *of, const float *rows, float *projected, long count) {
    NEARLINE_CHOOSE(embed_contexts_v3(of, rows, projected, count), embed_contexts_v4(of, rows, projected, count),
                    embed_contexts_v0(of, rows, projected, count));
}

void nearline_embed_items(const nearline_embedding *of, const int32_t *item, const uint8_t *action, long begin, long end,
                          long all, float *rows, float *projected) {
    NEARLINE_CHOOSE(embed_items_v3(of, item, action, begin, end, all, rows, projected),
                    embed_items_v4(of, item, action, begin, end, all, rows, projected),
                    embed_items_v0(of, item, action, begin, end, all, rows, projected));
}
