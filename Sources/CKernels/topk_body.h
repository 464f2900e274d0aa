// See topk.c.
#include "tile.h"

// How many scores are above a bound.
INLINE_AT long AT(count_above)(const float *scores, long n, float bound) {
    vi found = (vi)0;
    long i = 0;
    for (; i + LANES <= n; i += LANES) found -= AT(load)(scores + i) > (vf)bound;
    long count = 0;
    for (int j = 0; j < LANES; j++) count += found[j];
    for (; i < n; i++) count += scores[i] > bound;
    return count;
}

// Keeps at least `kept` of n survivors, and drops none that could still be among the best: what is dropped is at or below
// a bound that `kept` others are above, or equals the last of them and came later. Returns how many are left.
INLINE_AT long AT(cut)(float *scores, int32_t *places, long n, long kept, float *threshold) {
    // The bound lies between two floats; their order is that of their bits turned into integers.
    // All n are above the float before the last threshold: some may equal it.
    int64_t low = order_of(*threshold), high = order_of(INFINITY);
    if (*threshold > -INFINITY) low--;
    float bound = float_of(low);
    long above = n;
    while (above > kept + kept / 8 && high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        float candidate = float_of(middle);
        long count = AT(count_above)(scores, n, candidate);
        if (count >= kept) {
            low = middle;
            bound = candidate;
            above = count;
        } else {
            high = middle;
        }
    }
    // Too many are equal: all above the next float, and of those that equal it the first ones.
    long equal = 0;
    float next = bound;
    if (high - low <= 1 && above > kept) {
        next = float_of(high);
        equal = kept - AT(count_above)(scores, n, next);
        bound = next;
    }
    long left = 0;
    for (long i = 0; i < n; i++) {
        int is_kept = scores[i] > bound || (equal > 0 && scores[i] == next && equal-- > 0);
        scores[left] = scores[i];
        places[left] = places[i];
        left += is_kept;
    }
    *threshold = bound;
    return left;
}

INLINE_AT void AT(note)(const nearline_top_k_job *job, nearline_top_k_user *user, long number, const float *scores,
                        long begin, long count) {
    float *kept = job->scores + number * job->capacity;
    int32_t *places = job->places + number * job->capacity;
    for (long j = 0; j < count; j++) {
        if (!(scores[j] > user->threshold)) continue;
        int32_t place = (int32_t)(begin + j);
        while (user->denied < user->denied_end && *user->denied < place) user->denied++;
        if (user->denied < user->denied_end && *user->denied == place) continue;
        // Minus zero would come after zero.
        kept[user->count] = scores[j] + 0.0f;
        places[user->count] = place;
        user->count++;
    }
    if (user->count + PANEL > job->capacity)
        user->count = AT(cut)(kept, places, user->count, job->kept, &user->threshold);
}

static TARGET void AT(top_k)(const nearline_top_k_job *job) {
    const float *panel = job->panels;
    for (long begin = 0; begin < job->items; begin += PANEL, panel += job->width * PANEL) {
        long count = job->items - begin < PANEL ? job->items - begin : PANEL;
        for (long u = 0; u < job->users; u += ROWS) {
            vf sums[ROWS][COLUMNS];
            AT(tile)(job->queries + u * job->width, job->width, 1, panel, PANEL, job->width, job->users - 1 - u, COLUMNS, 0,
                     sums);
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                vf best = sums[i][0];
#pragma unroll
                for (int j = 1; j < COLUMNS; j++) best = __builtin_elementwise_max(best, sums[i][j]);
                if (u + i >= job->users) break;
                nearline_top_k_user *user = job->state + u + i;
                if (!__builtin_reduce_or(best > (vf)user->threshold)) continue;
                float scores[PANEL];
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) AT(store)(scores + j * LANES, sums[i][j]);
                AT(note)(job, user, u + i, scores, begin, count);
            }
        }
    }
    for (long u = 0; u < job->users; u++) {
        nearline_top_k_user *user = job->state + u;
        float *scores = job->scores + u * job->capacity;
        int32_t *places = job->places + u * job->capacity;
        if (user->count > job->kept) user->count = AT(cut)(scores, places, user->count, job->kept, &user->threshold);
        user->count = best_first(scores, places, user->count, job->kept, job->keys);
    }
}
