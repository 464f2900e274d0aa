// The gradient of each item that a batch touches: tokens and negatives that are the same item are summed up, in order.
#include "kernels.h"
#include "dispatch.h"

INLINED void add_row(const float *restrict x, float *restrict y, long n) {
    for (long j = 0; j < n; j++) y[j] += x[j];
}

DISPATCHED void nearline_slot_gradients(const nearline_slots *at, long begin, long end, float *gradient) {
    REORDERED_SUMS
    // Tokens of an item lie all over the batch: they are asked for some tokens ahead.
    enum { AHEAD = 8 };
    long width = at->width, last = at->first_token[end];
    for (long s = begin; s < end; s++) {
        float *restrict y = gradient + s * width;
        for (long j = 0; j < width; j++) y[j] = 0.0f;
        for (long k = at->first_place[s]; k < at->first_place[s + 1]; k++)
            for (long i = 0; i < at->shares; i++) add_row(at->negatives[i] + at->place[k] * width, y, width);
        for (long k = at->first_token[s]; k < at->first_token[s + 1]; k++) {
            if (k + AHEAD < last)
                for (long j = at->token[k + AHEAD] * width, next = j + width; j < next; j += 16) {
                    __builtin_prefetch(at->targets + j);
                    __builtin_prefetch(at->inputs + j);
                }
            add_row(at->targets + at->token[k] * width, y, width);
        }
        // So far that of the unit vector: y = (y - unit (unit . y)) / norm is that of what was normalised.
        const float *restrict unit = at->units + s * width;
        float along = 0.0f, inverse = 1.0f / at->norms[s];
        for (long j = 0; j < width; j++) along += unit[j] * y[j];
        for (long j = 0; j < width; j++) y[j] = (y[j] - unit[j] * along) * inverse;
        for (long k = at->first_token[s]; k < at->first_token[s + 1]; k++)
            add_row(at->inputs + at->token[k] * width, y, width);
    }
}
